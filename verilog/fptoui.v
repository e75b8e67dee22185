// SPDX-License-Identifier: Apache-2.0
// binary32 to an unsigned 32-bit integer, toward zero; NaN, values <= -1 and >= 2^32 give 0xFFFFFFFF.
module fptoui #(
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    output [31:0] y
);
    fp_to_int #(.SIGNED(0), .STAGES(STAGES)) convert (.clk(clk), .ce(ce), .a(a), .y(y));
endmodule
