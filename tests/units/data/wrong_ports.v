module wrong_ports (
    input  [31:0] a,
    input  [15:0] b,
    input         start,
    output [31:0] y
);
    assign y = start ? a : {16'd0, b};
endmodule
