// SPDX-License-Identifier: Apache-2.0
// binary32 multiplication that ignores the last p mantissa bits of both operands (0 <= p <= 22):
// y = (a & m) * (b & m) exactly rounded, where m clears the low p bits.
module fmul_trunc #(
    parameter p      = 0,
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
    fmul_core #(.P(p), .FTZ(FTZ), .DSP(DSP), .STAGES(STAGES)) core (.clk(clk), .ce(ce), .a(a), .b(b), .y(y));
endmodule
