// SPDX-License-Identifier: Apache-2.0
// From the 48-bit product of two significands (units of 2^-46) to the rounded binary32 result.
// The exact product lies in [2^46, 2^48). A product below 2^46, which only an approximate multiplier gives, counts as 2^46.
// Pipeline cuts: 0 normalised | 1 coarsely denormalised | 2 before rounding.
module fmul_finish #(
    parameter FTZ = 1,
    parameter [2:0] CUT = 3'b000
) (
    input         clk,
    input         ce,
    input  [1:0]  kind,
    input         sign,
    input  [9:0]  exp,
    input  [47:0] product,
    output [31:0] y
);
    wire bump = product[47];
    wire [46:0] kept = bump ? product[47:1] : {1'b1, product[45:0] & {46{product[46]}}};
    fp_round #(.FTZ(FTZ), .CUT(CUT)) round (
        .clk(clk), .ce(ce), .kind(kind), .sign(sign), .exp(exp), .bump(bump), .sig(kept[46:23]), .guard(kept[22]),
        .sticky((|kept[21:0]) | (bump & product[0])), .y(y)
    );
endmodule
