// A PE line: MACS products of int8 a cycle, added up in 32 bits. SDDMM: the products of a word of a
// query and of a key are one sum, a score. SpMM: each value of a word has a sum of its own, to
// which its product with a probability is added; the sums of a visit leave together.
module pe_line #(
    parameter int MACS  = 8,
    parameter int WORDS = 8
) (
    input logic clk,
    input logic start,  // an entry begins in this cycle
    input logic sums,
    input logic clear,
    input logic last,
    input logic [15:0] cycles,  // of an entry,
    input logic [15:0] words,  // the first of which have products
    input logic signed [31:0] bias,
    input logic [7:0] probability,
    input logic [8*MACS-1:0] x,  // a word of the query or value
    input logic [8*MACS-1:0] y,  // of the key
    output logic [15:0] word,  // which is wanted
    output logic score_valid,
    output logic signed [31:0] score,
    output logic sums_valid,  // the sums of a visit are complete
    output logic [WORDS*MACS*32-1:0] sum
);
  /*verilator no_inline_module*/
  logic [15:0] at;
  logic busy;
  logic signed [31:0] part;
  logic signed [31:0] partial;

  assign word = start ? 16'd0 : at;

  logic [MACS*32-1:0] added;  // the sums of the word

  // Products of a word.
  logic signed [15:0] product[MACS];
  logic signed [16:0] weighted[MACS];
  always_comb begin
    part = 0;
    for (int i = 0; i < MACS; i++) begin
      product[i] = $signed(x[8*i+:8]) * $signed(y[8*i+:8]);
      weighted[i] = $signed(x[8*i+:8]) * $signed({1'b0, probability});
      part += 32'(product[i]);
      added[32*i+:32] = (clear ? 32'd0 : sum[(32'(word)*MACS+i)*32+:32]) + 32'(weighted[i]);
    end
  end

  always_ff @(posedge clk) begin
    score_valid <= 1'b0;
    sums_valid <= 1'b0;
    if (start || busy) begin
      at <= word + 16'd1;
      busy <= word + 16'd1 < cycles;
      if (word < words) partial <= (start ? bias : partial) + part;
      if (sums && word < words) sum[32'(word)*MACS*32+:MACS*32] <= added;
      if (word + 16'd1 >= cycles) begin
        score_valid <= !sums;
        sums_valid <= sums && last;
      end
    end
  end
  assign score = partial;
endmodule
