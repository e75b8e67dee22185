// SPDX-License-Identifier: Apache-2.0
// Add the rounding bit and pack. kind: 0 finite, 1 zero, 2 infinity, 3 NaN (0x7FC00000 whatever the sign).
// sig has its leading one in bit 23 (FTZ = 1), or is a subnormal's significand if that bit is 0 (FTZ = 0).
// exp is the signed biased exponent. FTZ = 1: an exponent <= 0 after rounding gives a signed zero.
module fp_pack #(
    parameter FTZ = 1
) (
    input  [1:0]  kind,
    input         sign,
    input  [9:0]  exp,
    input  [23:0] sig,
    input         up,
    output [31:0] y
);
    wire [7:0] field;
    wire [30:0] rounded = {field, sig[22:0]} + {30'd0, up};
    // Beside the addition: whether it carries into the exponent, and what that makes of the result.
    wire carry = up & (&sig[22:0]);
    wire top_or_next = ~exp[9] & (exp[8] | &exp[7:1]);   // 254 or more
    wire beyond = ~exp[9] & (exp[8] | &exp[7:0]);        // 255 or more
    wire huge = beyond | (top_or_next & carry);
    wire tiny;
    generate
        if (FTZ != 0) begin : g_ftz
            wire unused = sig[23];  // always 1
            assign field = exp[7:0];
            assign tiny = exp[9] | (~|exp[8:0] & ~carry);
        end else begin : g_ieee
            assign field = exp[7:0] & {8{sig[23]}};
            assign tiny = 1'b0;
        end
    endgenerate

    wire nan = &kind;
    wire top = kind[1] | (~kind[0] & huge);     // exponent field all ones
    wire none = |kind | huge | tiny;            // fraction all zeros (but NaN's quiet bit)
    assign y = {
        sign & ~nan,
        (rounded[30:23] & {8{~(kind[0] | tiny)}}) | {8{top}},
        (rounded[22] & ~none) | nan,
        rounded[21:0] & {22{~none}}
    };
endmodule
