// 4 x 4 -> 8 unsigned multiplication without its lowest partial product. Ports as public libraries have them.
module mul4 (
    input  [3:0] A,
    input  [3:0] B,
    output [7:0] O
);
    assign O = A * B - {4'd0, A & {4{B[0]}}};
endmodule
