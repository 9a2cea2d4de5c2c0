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

  logic [31:0] at;  // the next product
  logic working;
  logic [VALUES*32-1:0] added;
  integer p;

  assign working = busy || start;

  always_comb begin
    added = busy ? y : {VALUES * 32{1'b0}};
    for (int i = 0; i < MACS; i++) begin
      p = (busy ? at : 0) + i;
      if (p < PRODUCTS)
        added[(p/INPUTS)*32+:32] = added[(p/INPUTS)*32+:32] +
            32'($signed(x[((p%INPUTS)*VALUES+p/INPUTS)*8+:8]) *
                $signed(weights[(p%INPUTS)*8+:8]));
    end
  end

  always_ff @(posedge clk) begin
    done <= working && !rst && (busy ? at : 0) + MACS >= PRODUCTS;
    busy <= working && !rst && (busy ? at : 0) + MACS < PRODUCTS;
    at   <= (busy ? at : 0) + MACS;
    if (working) y <= added;
  end
endmodule
