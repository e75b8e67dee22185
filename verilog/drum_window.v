// SPDX-License-Identifier: Apache-2.0
// DRUM's operand: the K bits from the leading one down, the lowest of them set to 1 (the mean of what is dropped), and
// the number of bits dropped below. An operand < 2^K passes unchanged with shift 0. 1 <= K <= W <= 32.
module drum_window #(
    parameter W = 8,
    parameter K = 4
) (
    input  [W-1:0] x,
    output [K-1:0] window,
    output [4:0]   shift
);
    genvar i;
    generate
        for (i = 4; i >= 0; i = i - 1) begin : level
            wire [W-1:0] in;
            wire [W-1:0] out;
            if (i == 4) begin : g_first
                assign in = x;
            end else begin : g_next
                assign in = level[i+1].out;
            end
            if (K - 1 + (1 << i) < W) begin : g_shift
                // Dropping 2^i bits keeps at least K bits from the leading one down.
                assign shift[i] = |in[W-1 : K-1+(1<<i)];
                assign out = shift[i] ? {{(1 << i){1'b0}}, in[W-1 : (1<<i)]} : in;
            end else begin : g_none
                assign shift[i] = 1'b0;
                assign out = in;
            end
        end
        if (K < W) begin : g_dropped
            wire unused = |level[0].out[W-1:K];
        end
    endgenerate
    genvar j;
    generate
        for (j = 0; j < K; j = j + 1) begin : bit_of
            assign window[j] = level[0].out[j] | (j == 0 && |shift);
        end
    endgenerate
endmodule
