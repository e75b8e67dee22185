// SPDX-License-Identifier: Apache-2.0
// Decide the rounding to nearest even: up = 1 where fp_pack is to add one. sig has its leading one in bit 23; the signed
// biased exponent out_exp is exp + bump. FTZ = 0: a significand with an exponent <= 0 is first brought to the subnormals' exponent.
module fp_round #(
    parameter FTZ = 1
) (
    input  [9:0]  exp,
    input         bump,
    input  [23:0] sig,
    input         guard,
    input         sticky,
    output [9:0]  out_exp,
    output [23:0] out_sig,
    output        up
);
    assign out_exp = exp + {9'd0, bump};
    generate
        if (FTZ != 0) begin : g_ftz
            assign out_sig = sig;
            assign up = guard & (sticky | sig[0]);
        end else begin : g_ieee
            wire [9:0] distance = 10'd1 - out_exp;
            wire low = out_exp[9] | ~|out_exp[8:0];
            wire far = low & |distance[8:5];
            wire [24:0] shifted;
            wire lost, out_guard;
            wire unused = distance[9];  // 0 whenever low
            fp_align #(.W(25)) align (
                .x({sig, guard}), .n(distance[4:0] & {5{low}}), .y(shifted), .sticky(lost)
            );
            assign {out_sig, out_guard} = far ? 25'd0 : shifted;
            assign up = out_guard & (sticky | lost | out_sig[0]);
        end
    endgenerate
endmodule
