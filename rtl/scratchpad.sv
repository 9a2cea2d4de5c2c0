// A scratchpad of two halves (D2). The DMA fills rows; each line reads a word of its own, which
// the engines see to: what lies in a bank is read by one of them at a time (D1).
module scratchpad
  import vitcod_pkg::*;
#(
    parameter int TOKENS = 256,
    parameter int WRITES = 4
) (
    input logic clk,
    input logic write[WRITES],
    input logic write_half[WRITES],
    input count_t write_row[WRITES],
    input logic [WORDS*8*MACS-1:0] write_data[WRITES],
    input logic read_half[LINES],
    input count_t read_row[LINES],
    input count_t read_word[LINES],
    output word_t read_data[LINES]
);
  logic [WORDS*8*MACS-1:0] rows[2][TOKENS];

  always_ff @(posedge clk)
    for (int i = 0; i < WRITES; i++)
      if (write[i]) rows[write_half[i]][write_row[i]] = write_data[i];

  always_comb
    for (int l = 0; l < LINES; l++)
      read_data[l] = rows[read_half[l]][read_row[l]][32'(read_word[l])*8*MACS+:8*MACS];
endmodule
