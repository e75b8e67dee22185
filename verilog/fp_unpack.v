// SPDX-License-Identifier: Apache-2.0
// A binary32 operand's fields and class; the low P bits of the fraction are ignored (read as 0).
// FTZ = 1: subnormals read as zero, and man has its leading one always set (meaningless when zero is 1).
// FTZ = 0: man of a subnormal has no leading one and exp is 1.
module fp_unpack #(
    parameter P   = 0,
    parameter FTZ = 1
) (
    input  [31:0]   x,
    output          sign,
    output [7:0]    exp,
    output [23-P:0] man,
    output          zero,
    output          inf,
    output          nan
);
    wire [22-P:0] frac = x[22:P];
    wire exp_min = ~|x[30:23];
    wire exp_max = &x[30:23];
    wire frac_zero = ~|frac;

    assign sign = x[31];
    assign inf  = exp_max & frac_zero;
    assign nan  = exp_max & ~frac_zero;
    generate
        if (FTZ != 0) begin : g_ftz
            assign zero = exp_min;
            assign exp  = x[30:23];
            assign man  = {1'b1, frac};
        end else begin : g_ieee
            assign zero = exp_min & frac_zero;
            assign exp  = {x[30:24], x[23] | exp_min};
            assign man  = {~exp_min, frac};
        end
        if (P > 0) begin : g_ignored
            wire unused = |x[P-1:0];  // the truncated bits
        end
    endgenerate
endmodule
