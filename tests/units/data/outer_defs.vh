`define SIXTEEN(x) x[15:0]
