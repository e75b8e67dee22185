// SPDX-License-Identifier: Apache-2.0
// binary32 multiplication, round to nearest even, ignoring the low P fraction bits of both operands: a (24-P) x (24-P)
// product, in DSP blocks or, if DSP = 0, of LUTs.
// Pipeline cuts: 0 classified | 1 coarsely normalised | 2 operands | 3, 4 within the product | 5 product | 6 normalised
// | 7 coarsely denormalised | 8 before rounding.
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
    // four (see fmul_product). Each table holds the cuts of 1, 2 .. 9 stages.
    localparam TREE = DSP == 0 || W <= 6;
    localparam SMALL = TREE ? W <= 8 : W <= 18;
    localparam [80:0] MANY = {
        9'b111111111, 9'b111111110, 9'b111111100, 9'b101111100, 9'b101111000, 9'b0, 9'b0, 9'b0, 9'b0
    };
    localparam [80:0] FTZ_TREE = MANY | (
        SMALL ? {45'd0, 9'b101110000, 9'b101100000, 9'b001100000, 9'b000100000}
              : {45'd0, 9'b001111000, 9'b001011000, 9'b001010000, 9'b000010000});
    localparam [80:0] FTZ_DSP = MANY | (
        SMALL ? {45'd0, 9'b101001100, 9'b101001000, 9'b001001000, 9'b000001000}
              : {45'd0, 9'b101101000, 9'b001101000, 9'b001001000, 9'b000100000});
    localparam [80:0] IEEE_TREE = SMALL
        ? {9'b111111111, 9'b111111110, 9'b111110110, 9'b111100110, 9'b111100100, 9'b101100100, 9'b101000100,
           9'b001100000, 9'b000100000}
        : {9'b111111111, 9'b111111110, 9'b111011110, 9'b011011110, 9'b001011110, 9'b001011010, 9'b001010010,
           9'b001010000, 9'b000010000};
    localparam [80:0] IEEE_DSP = SMALL
        ? {9'b111111111, 9'b111101111, 9'b111101110, 9'b111001110, 9'b011001110, 9'b001001110, 9'b001001010,
           9'b001001000, 9'b000001000}
        : {9'b111111111, 9'b111101111, 9'b111101110, 9'b011101110, 9'b001101110, 9'b001101010, 9'b000101010,
           9'b001001000, 9'b000100000};
    localparam [80:0] TABLE = FTZ != 0 ? (TREE ? FTZ_TREE : FTZ_DSP) : (TREE ? IEEE_TREE : IEEE_DSP);
    localparam [8:0] CUT = STAGES == 0 ? 9'd0 : TABLE[9*(STAGES == 0 ? 0 : STAGES-1)+:9];
    wire [1:0] kind2, kind3, kind4, kind5;
    wire sign2, sign3, sign4, sign5;
    wire [9:0] exp2, exp3, exp4, exp5;
    wire [W-1:0] ma, mb;
    wire [2*W-1:0] product;

    fmul_unpack #(.P(P), .FTZ(FTZ), .ORDERED(0), .CUT(CUT[2:0])) unpack (
        .clk(clk), .ce(ce), .a(a), .b(b), .kind(kind2), .sign(sign2), .exp(exp2), .ma(ma), .mb(mb)
    );
    fmul_product #(.W(W), .DSP(DSP), .CUT(CUT[5:3])) multiply (.clk(clk), .ce(ce), .a(ma), .b(mb), .y(product));
    fp_reg #(.W(13), .ON(CUT[3])) cut3 (.clk(clk), .ce(ce), .d({kind2, sign2, exp2}), .q({kind3, sign3, exp3}));
    fp_reg #(.W(13), .ON(CUT[4])) cut4 (.clk(clk), .ce(ce), .d({kind3, sign3, exp3}), .q({kind4, sign4, exp4}));
    fp_reg #(.W(13), .ON(CUT[5])) cut5 (.clk(clk), .ce(ce), .d({kind4, sign4, exp4}), .q({kind5, sign5, exp5}));

    wire [47:0] wide;
    generate
        if (P == 0) begin : g_full
            assign wide = product;
        end else begin : g_truncated
            assign wide = {product, {2 * P{1'b0}}};
        end
    endgenerate
    fmul_finish #(.FTZ(FTZ), .CUT(CUT[8:6])) finish (
        .clk(clk), .ce(ce), .kind(kind5), .sign(sign5), .exp(exp5), .product(wide), .y(y)
    );
endmodule
