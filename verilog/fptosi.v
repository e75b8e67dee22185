// SPDX-License-Identifier: Apache-2.0
// binary32 to a signed 32-bit integer, toward zero; NaN and values out of range give 0x80000000.
module fptosi #(
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    output [31:0] y
);
    fp_to_int #(.SIGNED(1), .STAGES(STAGES)) convert (.clk(clk), .ce(ce), .a(a), .y(y));
endmodule
