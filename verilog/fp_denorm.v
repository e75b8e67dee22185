// SPDX-License-Identifier: Apache-2.0
// Bring a normalised significand with a biased exponent <= 0 to the subnormals' exponent (FTZ = 0; a wire with FTZ = 1).
// sig has its leading one in bit 23; exp is signed. The result's exponent is meaningful only if its bit 23 is 1.
module fp_denorm #(
    parameter FTZ = 1
) (
    input  [9:0]  exp,
    input  [23:0] sig,
    input         guard,
    input         sticky,
    output [23:0] out_sig,
    output        out_guard,
    output        out_sticky
);
    generate
        if (FTZ != 0) begin : g_ftz
            wire unused = &{1'b0, exp};  // tiny results are flushed after rounding
            assign out_sig = sig;
            assign out_guard = guard;
            assign out_sticky = sticky;
        end else begin : g_ieee
            wire [9:0] distance = 10'd1 - exp;
            wire low = exp[9] | ~|exp[8:0];
            wire far = low & |distance[8:5];
            wire [24:0] shifted;
            wire lost;
            wire unused = distance[9];  // 0 whenever low
            fp_align #(.W(25)) align (
                .x({sig, guard}), .n(distance[4:0] & {5{low}}), .y(shifted), .sticky(lost)
            );
            assign {out_sig, out_guard} = far ? 25'd0 : shifted;
            assign out_sticky = sticky | lost | far;
        end
    endgenerate
endmodule
