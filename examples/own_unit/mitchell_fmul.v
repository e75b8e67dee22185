// A float multiplier without a multiplier: Mitchell's logarithmic product (J. N. Mitchell, IRE Trans. Electronic
// Computers EC-11(4), 1962). The mantissas' logarithms are approximated by the mantissas themselves, so that one
// integer addition of exponent and mantissa gives the product, at most 11.1 % too small.
// Zeros and subnormals read as zero; a result outside the normal range becomes zero or infinity; NaNs are kept.
module mitchell_fmul (
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    wire sign = a[31] ^ b[31];
    wire a_zero = a[30:23] == 8'd0;
    wire b_zero = b[30:23] == 8'd0;
    wire a_special = a[30:23] == 8'd255;
    wire b_special = b[30:23] == 8'd255;
    wire nan = (a_special & (a[22:0] != 23'd0)) | (b_special & (b[22:0] != 23'd0)) | (a_special & b_zero) | (b_special & a_zero);

    // exponent and mantissa as one fixed-point logarithm, with two bits of headroom; the bias is subtracted once
    wire [32:0] log_sum = {2'b00, a[30:0]} + {2'b00, b[30:0]};
    wire below = log_sum < {2'b00, 8'd128, 23'd0};  // the product's exponent would be < 1
    wire above = log_sum >= {2'd1, 8'd126, 23'd0};  // it would be > 254
    wire [31:0] log_product = log_sum[31:0] - {1'b0, 8'd127, 23'd0};

    assign y = nan ? 32'h7FC00000
             : (a_special | b_special) ? {sign, 8'd255, 23'd0}
             : (a_zero | b_zero | below) ? {sign, 31'd0}
             : above ? {sign, 8'd255, 23'd0}
             : {sign, log_product[30:0]};

    wire unused = &{1'b0, log_product[31]};
endmodule
