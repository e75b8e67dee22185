// SPDX-License-Identifier: Apache-2.0
// Round to nearest even and pack (kind: see fp_pack). sig has its leading one in bit 23; the signed biased exponent is
// exp + bump. FTZ = 0: a significand with an exponent <= 0 is first brought to the subnormals' exponent.
// Pipeline cuts: 0 exponent known | 1 coarsely denormalised | 2 before rounding.
module fp_round #(
    parameter FTZ = 1,
    parameter [2:0] CUT = 3'b000
) (
    input         clk,
    input         ce,
    input  [1:0]  kind,
    input         sign,
    input  [9:0]  exp,
    input         bump,
    input  [23:0] sig,
    input         guard,
    input         sticky,
    output [31:0] y
);
    wire [1:0] kind0, kind1, kind2;
    wire [9:0] exp0, exp1, exp2;
    wire [23:0] sig0, sig1, sig2, sig_d;
    wire sign0, sign1, sign2, guard0, guard1, sticky0, sticky1, up2, up_d;
    fp_reg #(.W(39), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce), .d({kind, sign, exp + {9'd0, bump}, sig, guard, sticky}),
        .q({kind0, sign0, exp0, sig0, guard0, sticky0})
    );
    generate
        if (FTZ != 0) begin : g_ftz
            fp_reg #(.W(39), .ON(CUT[1])) cut1 (
                .clk(clk), .ce(ce), .d({kind0, sign0, exp0, sig0, guard0, sticky0}),
                .q({kind1, sign1, exp1, sig1, guard1, sticky1})
            );
            assign sig_d = sig1;
            assign up_d = guard1 & (sticky1 | sig1[0]);
        end else begin : g_ieee
            wire [9:0] distance0;  // how far to the subnormals' exponent; negative: no subnormal
            wire [24:0] coarse;
            wire [2:0] n1;
            wire lost, more, guard_d;
            fp_reg #(.W(10), .ON(CUT[0])) cut0 (
                .clk(clk), .ce(ce), .d((bump ? 10'd0 : 10'd1) - exp), .q(distance0)
            );
            wire [4:0] n = distance0[4:0] & {5{~distance0[9]}};
            wire far = ~distance0[9] & |distance0[8:5];
            fp_align #(.W(25), .HI(4), .LO(3)) align_coarse (.x({sig0, guard0}), .n(n[4:3]), .y(coarse), .sticky(lost));
            fp_reg #(.W(42), .ON(CUT[1])) cut1 (
                .clk(clk), .ce(ce), .d({kind0, sign0, exp0, coarse & {25{~far}}, sticky0 | lost, n[2:0]}),
                .q({kind1, sign1, exp1, sig1, guard1, sticky1, n1})
            );
            fp_align #(.W(25), .HI(2), .LO(0)) align_fine (
                .x({sig1, guard1}), .n(n1), .y({sig_d, guard_d}), .sticky(more)
            );
            assign up_d = guard_d & (sticky1 | more | sig_d[0]);
        end
    endgenerate
    fp_reg #(.W(38), .ON(CUT[2])) cut2 (
        .clk(clk), .ce(ce), .d({kind1, sign1, exp1, sig_d, up_d}), .q({kind2, sign2, exp2, sig2, up2})
    );
    fp_pack #(.FTZ(FTZ)) pack (.kind(kind2), .sign(sign2), .exp(exp2), .sig(sig2), .up(up2), .y(y));
endmodule
