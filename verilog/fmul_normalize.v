// SPDX-License-Identifier: Apache-2.0
// From the 48-bit product of two significands (units of 2^-46) to a significand, its exponent, guard and sticky bits.
// The exact product lies in [2^46, 2^48). A product below 2^46, which only an approximate multiplier gives, counts as 2^46.
module fmul_normalize (
    input  [9:0]  exp,
    input  [47:0] product,
    output [9:0]  out_exp,
    output [23:0] sig,
    output        guard,
    output        sticky
);
    wire two = product[47];
    wire [46:0] kept = two ? product[47:1] : {1'b1, product[45:0] & {46{product[46]}}};
    assign out_exp = exp + {9'd0, two};
    assign sig = kept[46:23];
    assign guard = kept[22];
    assign sticky = (|kept[21:0]) | (two & product[0]);
endmodule
