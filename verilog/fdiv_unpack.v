// SPDX-License-Identifier: Apache-2.0
// Operands of a binary32 division a / b: two significands with their leading ones set, the exponent of a quotient in
// [1/2, 1) and the result's kind (see fp_pack). The low P fraction bits of both operands are ignored.
module fdiv_unpack #(
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

    wire zero = za | ib;
    wire inf = ia | zb;
    wire nan = na | nb | (zero & inf);
    wire [9:0] difference = {2'd0, ea} - {2'd0, eb} + 10'd126;
    assign kind = {inf | nan, zero | nan};
    assign sign = sa ^ sb;
    generate
        if (FTZ != 0) begin : g_ftz
            assign exp = difference;
            assign ma = fa;
            assign mb = fb;
        end else begin : g_ieee
            wire [4:0] shift_a, shift_b;
            fp_normalize #(.W(W)) normalize_a (.x(fa), .y(ma), .n(shift_a));
            fp_normalize #(.W(W)) normalize_b (.x(fb), .y(mb), .n(shift_b));
            assign exp = difference - {5'd0, shift_a} + {5'd0, shift_b};
        end
    endgenerate
endmodule
