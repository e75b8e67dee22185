// SPDX-License-Identifier: Apache-2.0
// binary32 addition, round to nearest even: y = a + b. One path: order by magnitude, align, add or subtract,
// normalise, round. Pipeline cuts: 0 classified, ordering known | 1 ordered | 2 aligned | 3 sum
// | 4 coarsely normalised | 5 normalised, before rounding.
module fadd #(
    parameter FTZ    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    localparam [4:0] CUT = STAGES == 0 ? 5'b00000 : STAGES == 1 ? 5'b00100 : STAGES == 2 ? 5'b10010
                         : STAGES == 3 ? 5'b10101 : STAGES == 4 ? 5'b11101 : 5'b11111;

    // Order by magnitude: |l| >= |s|.
    wire sa, sb, za, zb, ia, ib, na, nb;
    wire [7:0] ea, eb;
    wire [23:0] fa, fb;
    fp_unpack #(.FTZ(FTZ)) unpack_a (.x(a), .sign(sa), .exp(ea), .man(fa), .zero(za), .inf(ia), .nan(na));
    fp_unpack #(.FTZ(FTZ)) unpack_b (.x(b), .sign(sb), .exp(eb), .man(fb), .zero(zb), .inf(ib), .nan(nb));
    wire swap = a[30:0] < b[30:0];
    wire nan = na | nb | (ia & ib & (sa ^ sb));
    wire [1:0] kind = {ia | ib | nan, (za & zb) | nan};
    wire sign = za & zb ? sa & sb : swap ? sb : sa;
    wire subtract = sa ^ sb;
    wire [7:0] el = swap ? eb : ea;
    wire [7:0] distance = swap ? eb - ea : ea - eb;
    wire [23:0] ml = swap ? fb : fa;
    wire [23:0] ms = (swap ? fa : fb) & {24{~(swap ? za : zb)}};

    wire [1:0] kind0, kind1, kind2, kind3, kind4;
    wire sign0, sign1, sign2, sign3, sign4, subtract0, subtract1;
    wire [7:0] el0, el1, el2, el3, distance0;
    wire [23:0] ml0, ml1, ms0;
    fp_reg #(.W(68), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce), .d({kind, sign, subtract, el, distance, ml, ms}),
        .q({kind0, sign0, subtract0, el0, distance0, ml0, ms0})
    );

    // Align the smaller operand; two guard bits and a sticky bit.
    wire [25:0] shifted;
    wire lost;
    fp_align #(.W(26)) align (.x({ms0, 2'd0}), .n(distance0[4:0]), .y(shifted), .sticky(lost));
    wire far = |distance0[7:5];
    wire [26:0] aligned = far ? {26'd0, |ms0} : {shifted, lost};
    wire [26:0] aligned1;
    fp_reg #(.W(63), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce), .d({kind0, sign0, subtract0, el0, ml0, aligned}),
        .q({kind1, sign1, subtract1, el1, ml1, aligned1})
    );

    // Subtraction adds the complement; its carry in stands in the larger operand's empty last bit.
    wire [27:0] sum = {1'b0, ml1, 2'd0, subtract1} + ({1'b0, aligned1} ^ {28{subtract1}});
    wire [27:0] sum2;
    fp_reg #(.W(39), .ON(CUT[2])) cut2 (
        .clk(clk), .ce(ce), .d({kind1, sign1, el1, sum}), .q({kind2, sign2, el2, sum2})
    );

    wire [27:0] coarse, coarse3, fine;
    wire [1:0] n_coarse, n_coarse3;
    wire [2:0] n_fine;
    fp_normalize #(.W(28), .HI(4), .LO(3)) normalize_coarse (.x(sum2), .y(coarse), .n(n_coarse));
    fp_reg #(.W(41), .ON(CUT[3])) cut3 (
        .clk(clk), .ce(ce), .d({kind2, sign2, el2, n_coarse, coarse}), .q({kind3, sign3, el3, n_coarse3, coarse3})
    );
    fp_normalize #(.W(28), .HI(2), .LO(0)) normalize_fine (.x(coarse3), .y(fine), .n(n_fine));

    wire cancelled = ~fine[27] & ~|kind3;   // x - x = +0
    wire [9:0] exp = {2'd0, el3} + 10'd1 - {5'd0, n_coarse3, n_fine};
    wire [9:0] exp_d, exp4;
    wire [23:0] sig, sig4;
    wire up, up4;
    fp_round #(.FTZ(FTZ)) round (
        .exp(exp), .bump(1'b0), .sig(fine[27:4]), .guard(fine[3]), .sticky(|fine[2:0]),
        .out_exp(exp_d), .out_sig(sig), .up(up)
    );
    fp_reg #(.W(38), .ON(CUT[4])) cut4 (
        .clk(clk), .ce(ce),
        .d({kind3[1], kind3[0] | cancelled, sign3 & ~cancelled, exp_d, sig, up}),
        .q({kind4, sign4, exp4, sig4, up4})
    );
    fp_pack #(.FTZ(FTZ)) pack (
        .kind(kind4), .sign(sign4), .exp(exp4), .sig(sig4), .up(up4), .y(y)
    );
endmodule
