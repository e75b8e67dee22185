// SPDX-License-Identifier: Apache-2.0
// 32-bit integer (two's complement if SIGNED = 1) to binary32, round to nearest even. No result is tiny: no float mode.
// Pipeline cuts: 0 magnitude | 1 coarsely normalised | 2 normalised, before rounding.
module int_to_fp #(
    parameter SIGNED = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    output [31:0] y
);
    localparam [2:0] CUT = STAGES == 0 ? 3'b000 : STAGES == 1 ? 3'b010 : STAGES == 2 ? 3'b110 : 3'b111;
    wire sign, sign0, sign1, sign2;
    wire [31:0] magnitude, magnitude0, coarse, coarse1, fine;
    wire [1:0] n_coarse, n_coarse1;
    wire [2:0] n_fine;
    generate
        if (SIGNED != 0) begin : g_signed
            assign sign = a[31];
            assign magnitude = a[31] ? -a : a;
        end else begin : g_unsigned
            assign sign = 1'b0;
            assign magnitude = a;
        end
    endgenerate
    fp_reg #(.W(33), .ON(CUT[0])) cut0 (.clk(clk), .ce(ce), .d({sign, magnitude}), .q({sign0, magnitude0}));

    fp_normalize #(.W(32), .HI(4), .LO(3)) normalize_coarse (.x(magnitude0), .y(coarse), .n(n_coarse));
    fp_reg #(.W(35), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce), .d({sign0, n_coarse, coarse}), .q({sign1, n_coarse1, coarse1})
    );
    fp_normalize #(.W(32), .HI(2), .LO(0)) normalize_fine (.x(coarse1), .y(fine), .n(n_fine));

    wire [7:0] exp2;
    wire [23:0] sig2;
    wire zero2, up2;
    wire up = fine[7] & ((|fine[6:0]) | fine[8]);
    fp_reg #(.W(35), .ON(CUT[2])) cut2 (
        .clk(clk), .ce(ce), .d({~fine[31], sign1, 8'd158 - {3'd0, n_coarse1, n_fine}, fine[31:8], up}),
        .q({zero2, sign2, exp2, sig2, up2})
    );
    fp_pack pack (
        .kind({1'b0, zero2}), .sign(sign2), .exp({2'd0, exp2}), .sig(sig2), .up(up2), .y(y)
    );
endmodule
