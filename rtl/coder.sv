// Encoder or decoder of Q and K (D7): of a token, values of INPUTS heads become those of one more,
// each a sum of INPUTS products with int8 weights, MACS products a cycle, so that a token takes
// ceil(VALUES x INPUTS / MACS) cycles. The decoder makes a head of the compressed ones; the encoder
// a compressed one of all heads. Products are taken value by value, and in each input by input.
// What the sums are rounded to is nowhere defined: they come as 32 bits.
module coder #(
    parameter int MACS = 128,
    parameter int VALUES = 64,
    parameter int INPUTS = 2
) (
    input logic clk,
    input logic rst,
    input logic start,  // a token, whose operands stay until it is done; while busy it is ignored
    input logic [INPUTS*VALUES*8-1:0] x,  // input by input
    input logic [INPUTS*8-1:0] weights,
    output logic busy,
    output logic done,  // the sums are there in this cycle
    output logic [VALUES*32-1:0] y
);
  localparam int PRODUCTS = VALUES * INPUTS;
  localparam int CYCLES = (PRODUCTS + MACS - 1) / MACS;

  logic [31:0] at, step;  // cycles that are behind; 0 for a token that begins
  logic working, last;
  logic signed [7:0] value[MACS], weight[MACS];
  logic signed [15:0] product[MACS];
  logic [31:0] part;
  logic [VALUES*32-1:0] added;

  assign working = busy || start;
  assign step = busy ? at : 32'd0;
  assign last = step + 1 >= CYCLES;

  // Which products a cycle has is known beforehand, so that operands and sums are chosen by its
  // number alone.
  always_comb begin
    for (int i = 0; i < MACS; i++) begin
      value[i] = 8'd0;
      weight[i] = 8'd0;
      for (int p = i; p < PRODUCTS; p += MACS)
        if (step == p / MACS) begin
          value[i] = x[((p%INPUTS)*VALUES+p/INPUTS)*8+:8];
          weight[i] = weights[(p%INPUTS)*8+:8];
        end
      product[i] = value[i] * weight[i];
    end
    for (int v = 0; v < VALUES; v++) begin
      part = 32'd0;
      for (int p = v * INPUTS; p < (v + 1) * INPUTS; p++)
        if (step == p / MACS) part = part + 32'(product[p%MACS]);
      added[32*v+:32] = (busy ? y[32*v+:32] : 32'd0) + part;
    end
  end

  always_ff @(posedge clk) begin
    done <= working && !rst && last;
    busy <= working && !rst && !last;
    at   <= step + 1;
    if (working) y <= added;
  end
endmodule
