// SPDX-License-Identifier: Apache-2.0
// binary32 multiplication, round to nearest even, ignoring the low P fraction bits of both operands: a (24-P) x (24-P)
// product, in DSP blocks or, if DSP = 0, of LUTs.
// Pipeline cuts: 0 classified | 1 coarsely normalised | 2 operands | 3 .. 6 within the product | 7 product | 8 normalised
// | 9 coarsely denormalised | 10 before rounding.
module fmul_core #(
    parameter P      = 0,
    parameter FTZ    = 1,
    parameter DSP    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    localparam W = 24 - P;
    // How the product is made decides where few registers serve best: a tree of LUTs, small or not, or DSP blocks, one or
    // four (see fmul_product). Each table holds the cuts of 1, 2 .. 11 stages.
    localparam TREE = DSP == 0 || W <= 6;
    localparam SMALL = TREE ? W <= 8 : W <= 18;
    localparam [120:0] FTZ_TREE = SMALL
        ? {11'b11111111111, 11'b11111111110, 11'b11111111100, 11'b11111110100, 11'b11111010100, 11'b10111010100,
           11'b10111010000, 11'b10111000000, 11'b10110000000, 11'b00110000000, 11'b00010000000}
        : {11'b11111111111, 11'b11111111110, 11'b11111111100, 11'b10111111100, 11'b10111111000, 11'b10111101000,
           11'b10110101000, 11'b00110101000, 11'b00101010000, 11'b00101000000, 11'b00001000000};
    localparam [120:0] FTZ_DSP = SMALL
        ? {11'b11111111111, 11'b11111111110, 11'b11111110110, 11'b11111010110, 11'b11111010100, 11'b10111010100,
           11'b10111010000, 11'b10100010100, 11'b10100010000, 11'b00100010000, 11'b00000010000}
        : {11'b11111111111, 11'b11111111110, 11'b11111110110, 11'b11111010110, 11'b11111010100, 11'b10111010100,
           11'b10111010000, 11'b10110010000, 11'b00110010000, 11'b00100010000, 11'b00010000000};
    localparam [120:0] IEEE_TREE = SMALL
        ? {11'b11111111111, 11'b11111111110, 11'b11111010111, 11'b11111010110, 11'b11111000110, 11'b11110000110,
           11'b11110000100, 11'b10110000100, 11'b10100000100, 11'b00110000000, 11'b00010000000}
        : {11'b11111111111, 11'b11111101111, 11'b11110101111, 11'b11110101110, 11'b11101010110, 11'b01101010110,
           11'b01010100110, 11'b00101010010, 11'b00101000010, 11'b00101000000, 11'b00001000000};
    localparam [120:0] IEEE_DSP = SMALL
        ? {11'b11111111111, 11'b11111110111, 11'b11111010111, 11'b11110010111, 11'b11110010110, 11'b11100010110,
           11'b01100010110, 11'b00100010110, 11'b00100010010, 11'b00100010000, 11'b00000010000}
        : {11'b11111111111, 11'b11111110111, 11'b11111010111, 11'b11110010111, 11'b11110010110, 11'b01110010110,
           11'b00110010110, 11'b00110010010, 11'b00010010010, 11'b00100010000, 11'b00010000000};
    localparam [120:0] TABLE = FTZ != 0 ? (TREE ? FTZ_TREE : FTZ_DSP) : (TREE ? IEEE_TREE : IEEE_DSP);
    localparam [10:0] CUT = STAGES == 0 ? 11'd0 : TABLE[11*(STAGES == 0 ? 0 : STAGES-1)+:11];
    wire [1:0] kind2, kind3, kind4, kind5, kind6, kind7;
    wire sign2, sign3, sign4, sign5, sign6, sign7;
    wire [9:0] exp2, exp3, exp4, exp5, exp6, exp7;
    wire [W-1:0] ma, mb;
    wire [2*W-1:0] product;

    fmul_unpack #(.P(P), .FTZ(FTZ), .ORDERED(0), .CUT(CUT[2:0])) unpack (
        .clk(clk), .ce(ce), .a(a), .b(b), .kind(kind2), .sign(sign2), .exp(exp2), .ma(ma), .mb(mb)
    );
    fmul_product #(.W(W), .DSP(DSP), .CUT(CUT[7:3])) multiply (.clk(clk), .ce(ce), .a(ma), .b(mb), .y(product));
    fp_reg #(.W(13), .ON(CUT[3])) cut3 (.clk(clk), .ce(ce), .d({kind2, sign2, exp2}), .q({kind3, sign3, exp3}));
    fp_reg #(.W(13), .ON(CUT[4])) cut4 (.clk(clk), .ce(ce), .d({kind3, sign3, exp3}), .q({kind4, sign4, exp4}));
    fp_reg #(.W(13), .ON(CUT[5])) cut5 (.clk(clk), .ce(ce), .d({kind4, sign4, exp4}), .q({kind5, sign5, exp5}));
    fp_reg #(.W(13), .ON(CUT[6])) cut6 (.clk(clk), .ce(ce), .d({kind5, sign5, exp5}), .q({kind6, sign6, exp6}));
    fp_reg #(.W(13), .ON(CUT[7])) cut7 (.clk(clk), .ce(ce), .d({kind6, sign6, exp6}), .q({kind7, sign7, exp7}));

    wire [47:0] wide;
    generate
        if (P == 0) begin : g_full
            assign wide = product;
        end else begin : g_truncated
            assign wide = {product, {2 * P{1'b0}}};
        end
    endgenerate
    fmul_finish #(.FTZ(FTZ), .CUT(CUT[10:8])) finish (
        .clk(clk), .ce(ce), .kind(kind7), .sign(sign7), .exp(exp7), .product(wide), .y(y)
    );
endmodule
