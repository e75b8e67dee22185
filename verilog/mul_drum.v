// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication, DRUM(K): a K x K product of the operands' leading K bits, whose lowest bit is set
// to 1 where bits were dropped, shifted back. Unbiased; exact for operands < 2^K.
// 0 <= K <= W <= 32; K = 0 keeps all W bits.
// S. Hashemi, R. I. Bahar, S. Reda, DRUM: A Dynamic Range Unbiased Multiplier for Approximate Applications, ICCAD 2015.
module mul_drum #(
    parameter W = 8,
    parameter K = 4
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    localparam N = K == 0 ? W : K;
    wire [N-1:0] wa, wb;
    wire [4:0] sa, sb;
    drum_window #(.W(W), .K(N)) window_a (.x(a), .window(wa), .shift(sa));
    drum_window #(.W(W), .K(N)) window_b (.x(b), .window(wb), .shift(sb));
    wire [2*N-1:0] product = {{N{1'b0}}, wa} * {{N{1'b0}}, wb};
    wire [5:0] shift = {1'b0, sa} + {1'b0, sb};
    generate
        if (N < W) begin : g_shift
            assign y = {{2 * (W - N){1'b0}}, product} << shift;
        end else begin : g_exact
            wire unused = |shift;
            assign y = product;
        end
    endgenerate
endmodule
