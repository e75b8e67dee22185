// SPDX-License-Identifier: Apache-2.0
// binary32 addition, round to nearest even: y = a + b. One path: order by magnitude, align, add or subtract,
// normalise, round. A sum that is tiny is exact: with FTZ = 0 the normalisation stops at the subnormals' exponent and
// nothing is shifted back.
// Pipeline cuts: 0 classified, ordering known | 1 ordered | 2 coarsely aligned | 3 aligned | 4 sum
// | 5 coarsely normalised | 6 normalised | 7 before rounding.
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
    localparam [7:0] CUT = STAGES == 0 ? 8'b00000000 : STAGES == 1 ? 8'b00010000 : STAGES == 2 ? 8'b00100100
                         : STAGES == 3 ? 8'b01010100 : STAGES == 4 ? 8'b01110100 : STAGES == 5 ? 8'b10110110
                         : STAGES == 6 ? 8'b10111110 : STAGES == 7 ? 8'b11111110 : 8'b11111111;

    // Classify, and order by magnitude: |l| >= |s|.
    wire sa, sb, za, zb, ia, ib, na, nb;
    wire [7:0] ea, eb;
    wire [23:0] fa, fb;
    fp_unpack #(.FTZ(FTZ)) unpack_a (.x(a), .sign(sa), .exp(ea), .man(fa), .zero(za), .inf(ia), .nan(na));
    fp_unpack #(.FTZ(FTZ)) unpack_b (.x(b), .sign(sb), .exp(eb), .man(fb), .zero(zb), .inf(ib), .nan(nb));
    wire swap = a[30:0] < b[30:0];
    wire nan = na | nb | (ia & ib & (sa ^ sb));
    wire zeros = za & zb;
    wire [1:0] kind = {ia | ib | nan, zeros | nan};
    // Of each operand as the smaller one: its distance, whether that is below 32, whether only the sticky bit is left.
    wire [7:0] a_below = eb - ea;
    wire [7:0] b_below = ea - eb;
    wire [6:0] a_place = {~za & ~|a_below[7:5], ~za & |a_below[7:5], a_below[4:0]};
    wire [6:0] b_place = {~zb & ~|b_below[7:5], ~zb & |b_below[7:5], b_below[4:0]};
    wire [1:0] kind0, kind1, kind2, kind3, kind4, kind5, kind6, kind7;
    wire swap0, sa0, sb0, subtract0;
    wire [6:0] a_place0, b_place0;
    wire [7:0] ea0, eb0;
    wire [23:0] fa0, fb0;
    fp_reg #(.W(84), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce),
        .d({kind, swap, zeros ? sa & sb : sa, zeros ? sa & sb : sb, sa ^ sb, a_place, b_place, ea, eb, fa, fb}),
        .q({kind0, swap0, sa0, sb0, subtract0, a_place0, b_place0, ea0, eb0, fa0, fb0})
    );

    wire sign1, sign2, sign3, sign4, sign5, sign6, sign7, subtract1, subtract2, subtract3, near1, far1;
    wire [7:0] el1, el2, el3, el4, el5, el6;
    wire [23:0] ml1, ml2, ml3, ms1;
    wire [4:0] distance1;
    fp_reg #(.W(67), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce),
        .d({kind0, swap0 ? sb0 : sa0, subtract0, swap0 ? eb0 : ea0, swap0 ? a_place0 : b_place0,
            swap0 ? fb0 : fa0, swap0 ? fa0 : fb0}),
        .q({kind1, sign1, subtract1, el1, near1, far1, distance1, ml1, ms1})
    );

    // Align the smaller operand; two guard bits and a sticky bit.
    wire [25:0] coarsely, coarsely2, finely;
    wire lost, lost2, more;
    wire [2:0] distance2;
    fp_align #(.W(26), .HI(4), .LO(3)) align_coarse (
        .x({ms1 & {24{near1}}, 2'd0}), .n(distance1[4:3]), .y(coarsely), .sticky(lost)
    );
    fp_reg #(.W(66), .ON(CUT[2])) cut2 (
        .clk(clk), .ce(ce), .d({kind1, sign1, subtract1, el1, distance1[2:0], ml1, coarsely, lost | far1}),
        .q({kind2, sign2, subtract2, el2, distance2, ml2, coarsely2, lost2})
    );
    fp_align #(.W(26), .HI(2), .LO(0)) align_fine (.x(coarsely2), .n(distance2), .y(finely), .sticky(more));
    wire [26:0] aligned3;
    fp_reg #(.W(63), .ON(CUT[3])) cut3 (
        .clk(clk), .ce(ce), .d({kind2, sign2, subtract2, el2, ml2, finely, lost2 | more}),
        .q({kind3, sign3, subtract3, el3, ml3, aligned3})
    );

    // Subtraction adds the complement; its carry in stands in the larger operand's empty last bit.
    wire [27:0] sum = {1'b0, ml3, 2'd0, subtract3} + ({1'b0, aligned3} ^ {28{subtract3}});
    wire [27:0] sum4;
    fp_reg #(.W(39), .ON(CUT[4])) cut4 (
        .clk(clk), .ce(ce), .d({kind3, sign3, el3, sum}), .q({kind4, sign4, el4, sum4})
    );

    wire [27:0] coarse, coarse5, fine, fine6;
    wire [1:0] n_coarse, n_coarse5;
    wire [2:0] n_fine, n_fine6;
    wire free, free5;
    wire cancelled = ~|sum4 & ~|kind4;   // x - x = +0
    fp_normalize #(.W(28), .HI(4), .LO(3)) normalize_coarse (
        .x(sum4), .limit(el4[4:3]), .free(FTZ != 0 || |el4[7:5]), .y(coarse), .n(n_coarse), .out_free(free)
    );
    fp_reg #(.W(42), .ON(CUT[5])) cut5 (
        .clk(clk), .ce(ce), .d({kind4[1], kind4[0] | cancelled, sign4 & ~cancelled, free, el4, n_coarse, coarse}),
        .q({kind5, sign5, free5, el5, n_coarse5, coarse5})
    );
    wire unused;
    fp_normalize #(.W(28), .HI(2), .LO(0)) normalize_fine (
        .x(coarse5), .limit(el5[2:0]), .free(free5), .y(fine), .n(n_fine), .out_free(unused)
    );
    wire [1:0] n_coarse6;
    fp_reg #(.W(44), .ON(CUT[6])) cut6 (
        .clk(clk), .ce(ce), .d({kind5, sign5, el5, n_coarse5, n_fine, fine}),
        .q({kind6, sign6, el6, n_coarse6, n_fine6, fine6})
    );

    wire [9:0] exp7;
    wire [23:0] sig7;
    wire up7;
    fp_reg #(.W(38), .ON(CUT[7])) cut7 (
        .clk(clk), .ce(ce),
        .d({kind6, sign6, {2'd0, el6} + 10'd1 - {5'd0, n_coarse6, n_fine6}, fine6[27:4],
            fine6[3] & ((|fine6[2:0]) | fine6[4])}),
        .q({kind7, sign7, exp7, sig7, up7})
    );
    fp_pack #(.FTZ(FTZ)) pack (
        .kind(kind7), .sign(sign7), .exp(exp7), .sig(sig7), .up(up7), .y(y)
    );
endmodule
