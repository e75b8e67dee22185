// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication, pipelined. DSP = 1: as synthesis likes it, that is in DSP blocks: one if W <= 18,
// else four products of halves and their sum. DSP = 0: a tree of carry chains in LUTs (see mul_lut_tree).
// Pipeline cuts: DSP = 1: 0 operands | 1, 2 products | 3 sum of the middle ones | 4 product. DSP = 0: 0 sums of two rows |
// 1 of three or four | 2 products of the quarters | 3 of the halves | 4 product.
module fmul_product #(
    parameter W   = 24,
    parameter DSP = 1,
    parameter [4:0] CUT = 5'b00000
) (
    input            clk,
    input            ce,
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    generate
        if (DSP == 0 || W <= 6) begin : g_lut
            mul_lut_tree #(.A(W), .B(W), .CUT(CUT)) tree (.clk(clk), .ce(ce), .a(a), .b(b), .y(y));
        end else begin : g_dsp
            wire [W-1:0] a0, b0;
            fp_reg #(.W(2 * W), .ON(CUT[0])) cut0 (.clk(clk), .ce(ce), .d({a, b}), .q({a0, b0}));
            if (CUT[3:1] != 3'b000 && W > 18) begin : g_quarters
                localparam L = W / 2;
                localparam H = W - L;
                wire [H-1:0] ah = a0[W-1:L];
                wire [H-1:0] bh = b0[W-1:L];
                wire [L-1:0] al = a0[L-1:0];
                wire [L-1:0] bl = b0[L-1:0];
                wire [2*H-1:0] hh, hh1, hh2, hh3;
                wire [W-1:0] hl, hl1, hl2, lh, lh1, lh2;
                wire [2*L-1:0] ll, ll1, ll2, ll3;
                assign hh = {{H{1'b0}}, ah} * {{H{1'b0}}, bh};
                assign hl = {{L{1'b0}}, ah} * {{H{1'b0}}, bl};
                assign lh = {{H{1'b0}}, al} * {{L{1'b0}}, bh};
                assign ll = {{L{1'b0}}, al} * {{L{1'b0}}, bl};
                fp_reg #(.W(4 * W), .ON(CUT[1])) cut1 (
                    .clk(clk), .ce(ce), .d({hh, hl, lh, ll}), .q({hh1, hl1, lh1, ll1})
                );
                fp_reg #(.W(4 * W), .ON(CUT[2])) cut2 (
                    .clk(clk), .ce(ce), .d({hh1, hl1, lh1, ll1}), .q({hh2, hl2, lh2, ll2})
                );
                wire [W:0] middle3;
                fp_reg #(.W(3 * W + 1), .ON(CUT[3])) cut3 (
                    .clk(clk), .ce(ce), .d({hh2, ll2, {1'b0, hl2} + {1'b0, lh2}}), .q({hh3, ll3, middle3})
                );
                wire [2*W-L-1:0] high = {hh3, ll3[2*L-1:L]} + {{H - 1{1'b0}}, middle3};
                fp_reg #(.W(2 * W), .ON(CUT[4])) cut4 (.clk(clk), .ce(ce), .d({high, ll3[L-1:0]}), .q(y));
            end else begin : g_whole
                wire [2*W-1:0] product = {{W{1'b0}}, a0} * {{W{1'b0}}, b0};
                wire [2*W-1:0] product1, product2, product3;
                fp_reg #(.W(2 * W), .ON(CUT[1])) cut1 (.clk(clk), .ce(ce), .d(product), .q(product1));
                fp_reg #(.W(2 * W), .ON(CUT[2])) cut2 (.clk(clk), .ce(ce), .d(product1), .q(product2));
                fp_reg #(.W(2 * W), .ON(CUT[3])) cut3 (.clk(clk), .ce(ce), .d(product2), .q(product3));
                fp_reg #(.W(2 * W), .ON(CUT[4])) cut4 (.clk(clk), .ce(ce), .d(product3), .q(y));
            end
        end
    endgenerate
endmodule
