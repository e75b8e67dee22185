// SPDX-License-Identifier: Apache-2.0
// W-bit integer (two's complement if SIGNED = 1) to binary32, W 32 or 64, round to nearest even. No result is tiny: no
// float mode.
// Pipeline cuts: 0 magnitude | 1 coarsely normalised | 2 normalised, before rounding.
module int_to_fp #(
    parameter W = 32,
    parameter SIGNED = 1,
    parameter STAGES = 0
) (
    input          clk,
    input          ce,
    input  [W-1:0] a,
    output [31:0]  y
);
    localparam [2:0] CUT = STAGES == 0 ? 3'b000 : STAGES == 1 ? 3'b010 : STAGES == 2 ? 3'b110 : 3'b111;
    localparam C = W == 64 ? 3 : 2;
    localparam [7:0] TOP = W == 64 ? 8'd190 : 8'd158;
    wire sign, sign0, sign1, sign2;
    wire [W-1:0] magnitude, magnitude0, coarse, coarse1, fine;
    wire [C-1:0] n_coarse, n_coarse1;
    wire [2:0] n_fine;
    wire unused_coarse, unused_fine;
    generate
        if (SIGNED != 0) begin : g_signed
            assign sign = a[W-1];
            assign magnitude = a[W-1] ? -a : a;
        end else begin : g_unsigned
            assign sign = 1'b0;
            assign magnitude = a;
        end
    endgenerate
    fp_reg #(.W(W + 1), .ON(CUT[0])) cut0 (.clk(clk), .ce(ce), .d({sign, magnitude}), .q({sign0, magnitude0}));

    fp_normalize #(.W(W), .HI(C + 2), .LO(3)) normalize_coarse (
        .x(magnitude0), .limit({C{1'b0}}), .free(1'b1), .y(coarse), .n(n_coarse), .out_free(unused_coarse)
    );
    fp_reg #(.W(W + C + 1), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce), .d({sign0, n_coarse, coarse}), .q({sign1, n_coarse1, coarse1})
    );
    fp_normalize #(.W(W), .HI(2), .LO(0)) normalize_fine (
        .x(coarse1), .limit(3'd0), .free(1'b1), .y(fine), .n(n_fine), .out_free(unused_fine)
    );

    wire [7:0] exp2;
    wire [23:0] sig2;
    wire zero2, up2;
    wire up = fine[W-25] & ((|fine[W-26:0]) | fine[W-24]);
    fp_reg #(.W(35), .ON(CUT[2])) cut2 (
        .clk(clk), .ce(ce),
        .d({~fine[W-1], sign1, TOP - {{5 - C{1'b0}}, n_coarse1, n_fine}, fine[W-1:W-24], up}),
        .q({zero2, sign2, exp2, sig2, up2})
    );
    fp_pack pack (
        .kind({1'b0, zero2}), .sign(sign2), .exp({2'd0, exp2}), .sig(sig2), .up(up2), .y(y)
    );
endmodule
