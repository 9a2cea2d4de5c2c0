// The memory in front of the RTL, as arrays that the test bench (tb.cpp) fills.
module tb
  import vitcod_pkg::*;
#(
    parameter int PHASES = 2048,
    parameter int LOADS = 4096
) (
    input logic clk,
    input logic rst,
    input logic running,
    input count_t phase_count,
    input count_t load_count,
    input count_t queries,
    input count_t keys,
    input count_t summaries,
    input count_t head_dim,
    input count_t value_dim,
    input logic [23:0] mantissa,
    input logic [7:0] exponent,
    output count_t stores_done,
    output count_t phases_over,
    output logic done,
    output time_t now,
    // One value of softmax beside the rest, to try all of them.
    input logic [31:0] try_difference,
    output logic [16:0] try_power
);
  localparam int HEADS = `VITCOD_MOST_HEADS;
  localparam int PLAN_ROWS = HEADS * ROWS;
  localparam int TOKENS = HEADS * (ROWS > KEYS ? ROWS : KEYS);
  localparam int LEAST = `VITCOD_LEAST_DIM < INDEX_CHUNK ? `VITCOD_LEAST_DIM : INDEX_CHUNK;
  localparam int WRITES = RATE_BYTES / (RATE_CYCLES * LEAST) + 3;
  localparam int INDICES = PLAN_ROWS * (KEYS + 2) * 2;

  logic [WIDTH*8-1:0] tokens[3][TOKENS]  /*verilator public_flat_rw*/;
  logic [SUMMARIES*32-1:0] biases[PLAN_ROWS]  /*verilator public_flat_rw*/;
  logic [15:0] index[INDICES]  /*verilator public_flat_rw*/;

  logic memory_read[WRITES];
  load_t memory_load[WRITES];
  count_t memory_row[WRITES];
  logic [WORDS*8*MACS-1:0] memory_data[WRITES];
  logic [SUMMARIES*32-1:0] memory_bias[WRITES];
  logic [INDEX_CHUNK*8-1:0] memory_index[WRITES];
  always_comb
    for (int i = 0; i < WRITES; i++) begin
      memory_data[i] = '0;
      memory_bias[i] = '0;
      memory_index[i] = '0;
      if (memory_read[i] && memory_load[i].buffer == INDEX)
        for (int w = 0; w < INDEX_CHUNK / 2; w++)
          memory_index[i][16*w+:16] =
              index[memory_load[i].address+32'(memory_row[i])*(INDEX_CHUNK/2)+w];
      else if (memory_read[i]) begin
        memory_data[i] = tokens[memory_load[i].buffer][memory_load[i].address+32'(memory_row[i])];
        if (memory_load[i].buffer == QUERY)
          memory_bias[i] = biases[memory_load[i].address+32'(memory_row[i])];
      end
    end

  vitcod_attention #(
      .PHASES(PHASES),
      .LOADS(LOADS),
      .PLAN_ROWS(PLAN_ROWS),
      .WRITES(WRITES)
  ) attention (
      .*
  );
  exp_power tried (
      .difference(try_difference),
      .mantissa(mantissa),
      .exponent(exponent),
      .power(try_power)
  );
endmodule
