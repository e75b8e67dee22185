// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication, pipelined. DSP = 1: as synthesis likes it, that is in DSP blocks: one if W <= 18,
// else four products of halves and their sum. DSP = 0: a tree of carry chains in LUTs (see mul_lut_tree).
// Pipeline cuts: DSP = 1: 0 products | 1 sum of the middle ones | 2 product. DSP = 0: 0 sums of three or four rows | 1 products
// of the halves | 2 product.
module fmul_product #(
    parameter W   = 24,
    parameter DSP = 1,
    parameter [2:0] CUT = 3'b000
) (
    input            clk,
    input            ce,
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    generate
        if (DSP == 0 || W <= 6) begin : g_lut
            mul_lut_tree #(.A(W), .B(W), .CUT({CUT[2:1], 1'b0, CUT[0], 1'b0})) tree (
                .clk(clk), .ce(ce), .a(a), .b(b), .y(y)
            );
        end else if (CUT[1:0] != 2'b00 && W > 18) begin : g_quarters
            localparam L = W / 2;
            localparam H = W - L;
            wire [H-1:0] ah = a[W-1:L];
            wire [H-1:0] bh = b[W-1:L];
            wire [L-1:0] al = a[L-1:0];
            wire [L-1:0] bl = b[L-1:0];
            wire [2*H-1:0] hh, hh0, hh1;
            wire [W-1:0] hl, hl0, lh, lh0;
            wire [2*L-1:0] ll, ll0, ll1;
            assign hh = {{H{1'b0}}, ah} * {{H{1'b0}}, bh};
            assign hl = {{L{1'b0}}, ah} * {{H{1'b0}}, bl};
            assign lh = {{H{1'b0}}, al} * {{L{1'b0}}, bh};
            assign ll = {{L{1'b0}}, al} * {{L{1'b0}}, bl};
            fp_reg #(.W(4 * W), .ON(CUT[0])) cut0 (.clk(clk), .ce(ce), .d({hh, hl, lh, ll}), .q({hh0, hl0, lh0, ll0}));
            wire [W:0] middle1;
            fp_reg #(.W(3 * W + 1), .ON(CUT[1])) cut1 (
                .clk(clk), .ce(ce), .d({hh0, ll0, {1'b0, hl0} + {1'b0, lh0}}), .q({hh1, ll1, middle1})
            );
            wire [2*W-L-1:0] high = {hh1, ll1[2*L-1:L]} + {{H - 1{1'b0}}, middle1};
            fp_reg #(.W(2 * W), .ON(CUT[2])) cut2 (.clk(clk), .ce(ce), .d({high, ll1[L-1:0]}), .q(y));
        end else begin : g_whole
            wire [2*W-1:0] product = {{W{1'b0}}, a} * {{W{1'b0}}, b};
            wire [2*W-1:0] product0, product1;
            fp_reg #(.W(2 * W), .ON(CUT[0])) cut0 (.clk(clk), .ce(ce), .d(product), .q(product0));
            fp_reg #(.W(2 * W), .ON(CUT[1])) cut1 (.clk(clk), .ce(ce), .d(product0), .q(product1));
            fp_reg #(.W(2 * W), .ON(CUT[2])) cut2 (.clk(clk), .ce(ce), .d(product1), .q(y));
        end
    endgenerate
endmodule
