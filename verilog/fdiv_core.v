// SPDX-License-Identifier: Apache-2.0
// binary32 division, round to nearest even, ignoring the low P fraction bits of both operands: a restoring array of 26 rows,
// each W + 1 = 25 - P bits wide. Row 0 subtracts b from a, row i from twice the remainder; where it fits the quotient
// bit is 1. (Non-restoring rows cost as much: their add-or-subtract is not free in LUT fabrics.)
// The quotient lies in (1/2, 2): 24 bits and a guard bit from row 0 or from row 1 on.
// A quotient of two significands is never halfway between two normal numbers (the odd 25-bit quotient times the
// divisor would have to be a multiple of 2^24), so the remainder matters for subnormal results alone (FTZ = 0).
// Pipeline cuts: within the unpacking; before each row; three of the rounding (see fp_round), the first of which is the one
// behind the last row: which exponent it is has been known since row 0. The rows' are chosen evenly from the end: a stage for
// each row from 26 row cuts on, for two rows with 13.
module fdiv_core #(
    parameter P      = 0,
    parameter FTZ    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    localparam W = 24 - P;
    localparam ROWS = 26;
    localparam UNPACKED = STAGES >= (FTZ != 0 ? 30 : 9) ? 1 : 0;
    localparam COARSE = STAGES >= (FTZ != 0 ? 29 : 7) ? 1 : 0;
    localparam DECIDED = STAGES >= (FTZ != 0 ? 14 : 5) ? 1 : 0;
    localparam ROW_CUTS = STAGES - UNPACKED - COARSE - DECIDED;
    localparam FIRST = ROW_CUTS == ROWS + 1 || (FTZ == 0 && STAGES >= 9) ? 1 : 0;  // before row 0
    localparam LATER = ROW_CUTS - FIRST;

    localparam [2:0] CUT = {DECIDED != 0, COARSE != 0, LATER != 0};

    wire [1:0] kind;
    wire sign;
    wire [9:0] exp;
    wire [4:0] more, less;
    wire [W-1:0] ma, mb;
    fdiv_unpack #(.P(P), .FTZ(FTZ), .CUT(UNPACKED)) unpack (
        .clk(clk), .ce(ce), .a(a), .b(b), .kind(kind), .sign(sign), .exp(exp),
        .more(more), .less(less), .ma(ma), .mb(mb)
    );

    genvar i;
    generate
        for (i = 0; i < ROWS; i = i + 1) begin : row
            // What enters row i: kind, sign and exponent; the divisor; the remainder; the quotient bits found so far.
            localparam ON = i == 0 ? FIRST : i * LATER / ROWS - (i - 1) * LATER / ROWS;
            wire [12:0] meta;
            wire [W-1:0] d, r;
            wire [25:0] q;
            if (i == 0) begin : g_first
                wire [1:0] kind0;
                wire sign0;
                wire [9:0] exp0;
                wire [4:0] more0, less0;
                fp_reg #(.W(23 + 2 * W), .ON(ON)) cut (
                    .clk(clk), .ce(ce), .d({kind, sign, exp, more, less, mb, ma}),
                    .q({kind0, sign0, exp0, more0, less0, d, r})
                );
                assign meta = {kind0, sign0, exp0 + {5'd0, more0} - {5'd0, less0}};
                assign q = 26'd0;
            end else begin : g_next
                fp_reg #(.W(39 + 2 * W), .ON(ON)) cut (
                    .clk(clk), .ce(ce),
                    .d({row[i-1].meta, row[i-1].d, row[i-1].out, row[i-1].bits}), .q({meta, d, r, q})
                );
            end
            wire [W:0] from = i == 0 ? {1'b0, r} : {r, 1'b0};
            wire [W:0] rest = from - {1'b0, d};
            wire fits = ~rest[W];
            wire [W-1:0] out = fits ? rest[W-1:0] : from[W-1:0];
            wire [25:0] bits = (q << 1) | {25'd0, fits};
        end
    endgenerate

    wire [25:0] quotient = row[ROWS-1].bits;
    wire [1:0] kind_q;
    wire sign_q;
    wire [9:0] exp_q;
    assign {kind_q, sign_q, exp_q} = row[ROWS-1].meta;
    wire one = quotient[25];
    wire inexact;
    generate
        if (FTZ != 0) begin : g_ftz
            wire unused = &{1'b0, row[ROWS-1].out};
            assign inexact = 1'b1;
        end else begin : g_ieee
            // Beside the last subtraction: nothing remains if its operands are the same, or if nothing remained before.
            wire unused = |row[ROWS-1].out;
            assign inexact = row[ROWS-1].from != {1'b0, row[ROWS-1].d} && |row[ROWS-1].from;
        end
    endgenerate
    fp_round #(.FTZ(FTZ), .CUT(CUT)) round (
        .clk(clk), .ce(ce), .kind(kind_q), .sign(sign_q), .exp(exp_q), .bump(one),
        .sig(one ? quotient[25:2] : quotient[24:1]), .guard(one ? quotient[1] : quotient[0]),
        .sticky(inexact | (one & quotient[0])), .y(y)
    );
endmodule
