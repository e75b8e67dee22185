// SPDX-License-Identifier: Apache-2.0
// binary32 subtraction, round to nearest even: y = a - b = a + (-b).
module fsub #(
    parameter FTZ    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    fadd #(.FTZ(FTZ), .STAGES(STAGES)) add (.clk(clk), .ce(ce), .a(a), .b({~b[31], b[30:0]}), .y(y));
endmodule
