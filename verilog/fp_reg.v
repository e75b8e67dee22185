// SPDX-License-Identifier: Apache-2.0
// One pipeline cut: a register that advances when ce is 1 (ON = 1), or a wire (ON = 0).
module fp_reg #(
    parameter W  = 1,
    parameter ON = 0
) (
    input          clk,
    input          ce,
    input  [W-1:0] d,
    output [W-1:0] q
);
    generate
        if (ON != 0) begin : g_reg
            reg [W-1:0] r;
            always @(posedge clk) if (ce) r <= d;
            assign q = r;
        end else begin : g_wire
            wire unused = &{1'b0, clk, ce};  // a wire needs no clock
            assign q = d;
        end
    endgenerate
endmodule
