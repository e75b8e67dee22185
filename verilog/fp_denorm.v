// SPDX-License-Identifier: Apache-2.0
// FTZ = 0: bring a normalised significand whose biased exponent exp + bump is <= 0 to the subnormals' exponent.
// FTZ = 1: wires (tiny results are flushed after rounding, see fp_pack).
// sig has its leading one in bit 23; exp is signed.
module fp_denorm #(
    parameter FTZ = 1
) (
    input  [9:0]  exp,
    input         bump,
    input  [23:0] sig,
    input         guard,
    input         sticky,
    output [9:0]  out_exp,
    output        out_bump,
    output [23:0] out_sig,
    output        out_guard,
    output        out_sticky
);
    generate
        if (FTZ != 0) begin : g_ftz
            assign out_exp = exp;
            assign out_bump = bump;
            assign out_sig = sig;
            assign out_guard = guard;
            assign out_sticky = sticky;
        end else begin : g_ieee
            wire [9:0] e = exp + {9'd0, bump};
            wire [9:0] distance = 10'd1 - e;
            wire low = e[9] | ~|e[8:0];
            wire far = low & |distance[8:5];
            wire [24:0] shifted;
            wire lost;
            wire unused = distance[9];  // 0 whenever low
            fp_align #(.W(25)) align (
                .x({sig, guard}), .n(distance[4:0] & {5{low}}), .y(shifted), .sticky(lost)
            );
            assign out_exp = e;
            assign out_bump = 1'b0;
            assign {out_sig, out_guard} = far ? 25'd0 : shifted;
            assign out_sticky = sticky | lost | far;
        end
    endgenerate
endmodule
