// 8 x 8 -> 16 signed multiplication in two clock cycles.
module pipelined (
    input                    clk,
    input                    ce,
    input  signed     [ 7:0] x,
    input  signed     [ 7:0] y,
    output reg signed [15:0] p
);
    reg signed [7:0] x1, y1;
    always @(posedge clk) if (ce) begin
        x1 <= x;
        y1 <= y;
        p <= x1 * y1;
    end
endmodule
