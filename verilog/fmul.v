// SPDX-License-Identifier: Apache-2.0
// binary32 multiplication, round to nearest even: y = a * b.
module fmul #(
    parameter FTZ    = 1,
    parameter DSP    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    fmul_core #(.P(0), .FTZ(FTZ), .DSP(DSP), .STAGES(STAGES)) core (.clk(clk), .ce(ce), .a(a), .b(b), .y(y));
endmodule
