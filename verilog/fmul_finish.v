// SPDX-License-Identifier: Apache-2.0
// From the 48-bit product of two significands (units of 2^-46) to the rounded binary32 result.
// The exact product lies in [2^46, 2^48). A product below 2^46, which only an approximate multiplier gives, counts as 2^46.
// Pipeline cuts: 0 normalised | 1 before rounding (the same place if FTZ = 1).
module fmul_finish #(
    parameter FTZ  = 1,
    parameter CUT0 = 0,
    parameter CUT1 = 0
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
    wire sticky = (|kept[21:0]) | (bump & product[0]);

    wire [1:0] kind0, kind1;
    wire [9:0] exp0, exp1, exp_d;
    wire [23:0] sig0, sig1, sig_d;
    wire sign0, sign1, bump0, guard0, sticky0, up1, up_d;
    fp_reg #(.W(40), .ON(CUT0)) cut0 (
        .clk(clk), .ce(ce), .d({kind, sign, exp, bump, kept[46:22], sticky}),
        .q({kind0, sign0, exp0, bump0, sig0, guard0, sticky0})
    );
    fp_round #(.FTZ(FTZ)) round (
        .exp(exp0), .bump(bump0), .sig(sig0), .guard(guard0), .sticky(sticky0),
        .out_exp(exp_d), .out_sig(sig_d), .up(up_d)
    );
    fp_reg #(.W(38), .ON(CUT1)) cut1 (
        .clk(clk), .ce(ce), .d({kind0, sign0, exp_d, sig_d, up_d}),
        .q({kind1, sign1, exp1, sig1, up1})
    );
    fp_pack #(.FTZ(FTZ)) pack (
        .kind(kind1), .sign(sign1), .exp(exp1), .sig(sig1), .up(up1), .y(y)
    );
endmodule
