// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication, exact. K is ignored: every multiplier here has the same two parameters.
module mul_exact #(
    parameter W = 8,
    parameter K = 0
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    localparam unused_k = K;
    assign y = {{W{1'b0}}, a} * {{W{1'b0}}, b};
endmodule
