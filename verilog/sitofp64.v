// SPDX-License-Identifier: Apache-2.0
// Signed 64-bit integer to binary32, round to nearest even.
module sitofp64 #(
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [63:0] a,
    output [31:0] y
);
    int_to_fp #(.W(64), .SIGNED(1), .STAGES(STAGES)) convert (.clk(clk), .ce(ce), .a(a), .y(y));
endmodule
