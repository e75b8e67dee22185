// SPDX-License-Identifier: Apache-2.0
// Operands of a binary32 multiplication: two significands with their leading ones set, the exponent of their product
// and the result's kind (see fp_pack). The low P fraction bits of both operands are ignored.
// FTZ = 0 normalises one subnormal operand; if both are subnormal the product is far below every subnormal, so the
// second one's missing leading one changes no result.
module fmul_unpack #(
    parameter P   = 0,
    parameter FTZ = 1
) (
    input  [31:0]   a,
    input  [31:0]   b,
    output [1:0]    kind,
    output          sign,
    output [9:0]    exp,
    output [23-P:0] ma,
    output [23-P:0] mb
);
    localparam W = 24 - P;
    wire sa, sb, za, zb, ia, ib, na, nb;
    wire [7:0] ea, eb;
    wire [W-1:0] fa, fb;
    fp_unpack #(.P(P), .FTZ(FTZ)) unpack_a (.x(a), .sign(sa), .exp(ea), .man(fa), .zero(za), .inf(ia), .nan(na));
    fp_unpack #(.P(P), .FTZ(FTZ)) unpack_b (.x(b), .sign(sb), .exp(eb), .man(fb), .zero(zb), .inf(ib), .nan(nb));

    wire zero = za | zb;
    wire inf = ia | ib;
    wire nan = na | nb | (zero & inf);
    wire [9:0] sum = {2'd0, ea} + {2'd0, eb} - 10'd127;
    assign kind = {inf | nan, (zero & ~inf) | nan};
    assign sign = sa ^ sb;
    generate
        if (FTZ != 0) begin : g_ftz
            assign exp = sum;
            assign ma = fa;
            assign mb = fb;
        end else begin : g_ieee
            wire sub_a = ~fa[W-1];
            wire [W-1:0] shifted;
            wire [4:0] n;
            fp_normalize #(.W(W)) normalize (.x(sub_a ? fa : fb), .y(shifted), .n(n));
            assign exp = sum - {5'd0, n};
            assign ma = sub_a ? shifted : fa;
            assign mb = sub_a ? fb : shifted;
        end
    endgenerate
endmodule
