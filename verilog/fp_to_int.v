// SPDX-License-Identifier: Apache-2.0
// binary32 to a 32-bit integer (two's complement if SIGNED = 1), truncated toward zero. NaN and values out of range give
// 0x80000000 (signed) or 0xFFFFFFFF (unsigned), as x86's cvttss2si and vcvttss2usi do. Subnormals give 0: no float mode.
// Pipeline cuts: 0 classified | 1 shifted.
module fp_to_int #(
    parameter SIGNED = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    output [31:0] y
);
    localparam [1:0] CUT = STAGES == 0 ? 2'b00 : STAGES == 1 ? 2'b10 : 2'b11;
    localparam [7:0] LIMIT = SIGNED != 0 ? 8'd158 : 8'd159;  // exponent of the first power of two out of range
    wire [7:0] exp = a[30:23];
    wire some = exp >= 8'd127;  // |a| >= 1
    wire huge = exp >= LIMIT;
    wire [4:0] distance = 5'd30 - exp[4:0];  // 158 - exp modulo 32

    wire sign0, sign1, some0, huge0, huge1;
    wire [4:0] distance0;
    wire [22:0] frac0;
    wire [31:0] magnitude1;
    fp_reg #(.W(31), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce), .d({a[31], some, huge, distance, a[22:0]}), .q({sign0, some0, huge0, distance0, frac0})
    );
    wire [31:0] magnitude = {some0, frac0 & {23{some0}}, 8'd0} >> distance0;
    generate
        if (SIGNED != 0) begin : g_signed
            fp_reg #(.W(34), .ON(CUT[1])) cut1 (
                .clk(clk), .ce(ce), .d({sign0, huge0, magnitude}), .q({sign1, huge1, magnitude1})
            );
            wire [31:0] signed_value = sign1 ? -magnitude1 : magnitude1;
            assign y = {signed_value[31] | huge1, signed_value[30:0] & {31{~huge1}}};
        end else begin : g_unsigned
            assign sign1 = 1'b0;
            wire unused = sign1;
            fp_reg #(.W(33), .ON(CUT[1])) cut1 (
                .clk(clk), .ce(ce), .d({huge0 | (sign0 & some0), magnitude}), .q({huge1, magnitude1})
            );
            assign y = magnitude1 | {32{huge1}};
        end
    endgenerate
endmodule
