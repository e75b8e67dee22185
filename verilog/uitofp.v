// SPDX-License-Identifier: Apache-2.0
// Unsigned 32-bit integer to binary32, round to nearest even.
module uitofp #(
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    output [31:0] y
);
    int_to_fp #(.SIGNED(0), .STAGES(STAGES)) convert (.clk(clk), .ce(ce), .a(a), .y(y));
endmodule
