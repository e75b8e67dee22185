// Ports of every form, for the dumps beside this file.
module dump #(
    parameter W = 4
) (
    input  signed [W-1:0] a,
    input  [0:3]          b,
    input  int            count,
    input                 clk,
    output logic [2*W:1]  y
);
    assign y = a * b + 8'(count) + {7'd0, clk};
endmodule
