// The output scratchpad: scores of the two steps in flight, which softmax turns into powers and
// probabilities where they lie, and sums of rows. It also knows each row's highest score.
module output_scratchpad
  import vitcod_pkg::*;
#(
    parameter int PLAN_ROWS = 1024
) (
    input logic clk,
    // Scores from lines.
    input logic begins,  // rows of `begin_step` get new scores: those of the plan from here on,
    input logic begin_step,
    input logic [31:0] begin_plan,
    input count_t begin_panel,  // with so many keys in the panel
    input logic score_write[LINES],
    input logic score_step[LINES],
    input count_t score_row[LINES],
    input count_t score_slot[LINES],
    input logic signed [31:0] score[LINES],
    // Softmax.
    input logic [31:0] kept_of_plan,
    output logic [KEYS-1:0] kept,
    input logic read_step[2],
    input count_t read_row[2],
    input count_t read_slot[2],
    output logic [31:0] read_data[2][SOFTMAX_LANES],
    output logic signed [31:0] highest,
    input logic write_step[2],
    input count_t write_row[2],
    input count_t write_slot[2],
    input logic [SOFTMAX_LANES-1:0] write[2],
    input logic [31:0] write_data[2][SOFTMAX_LANES],
    // Probabilities for lines.
    input logic line_step[LINES],
    input count_t line_row[LINES],
    input count_t line_slot[LINES],
    output logic [7:0] probability[LINES],
    // Sums from lines, added to those of a row.
    input logic clear,
    input logic clear_half,
    input logic sum_write[LINES],
    input logic sum_half[LINES],
    input count_t sum_row[LINES],
    input logic [WIDTH*32-1:0] sum[LINES]
);
  // Of the plan: which entries of the panel are kept.
  logic [KEYS-1:0] row_kept[PLAN_ROWS]  /*verilator public_flat_rw*/;
  logic [31:0] entries[2][ROWS][KEYS];
  logic signed [31:0] most[2][ROWS];
  logic [31:0] of_plan[2];
  count_t panel[2];
  logic signed [31:0] sums[2][ROWS][WIDTH]  /*verilator public_flat_rd*/;

  assign kept = row_kept[kept_of_plan];
  assign highest = most[read_step[0]][read_row[0]];
  always_comb
    for (int p = 0; p < 2; p++)
      for (int i = 0; i < SOFTMAX_LANES; i++)
        read_data[p][i] = 32'(read_slot[p]) + i < KEYS ?
            entries[read_step[p]][read_row[p]][read_slot[p]+count_t'(i)] : 32'd0;
  always_comb
    for (int l = 0; l < LINES; l++)
      probability[l] = entries[line_step[l]][line_row[l]][line_slot[l]][7:0];

  always_ff @(posedge clk) begin
    if (begins) begin
      of_plan[begin_step] = begin_plan;
      panel[begin_step]   = begin_panel;
      for (int r = 0; r < ROWS; r++) most[begin_step][r] = 32'sh80000000;
    end
    for (int l = 0; l < LINES; l++)
      if (score_write[l]) begin
        entries[score_step[l]][score_row[l]][score_slot[l]] = score[l];
        if ((score_slot[l] >= panel[score_step[l]] ||
             row_kept[of_plan[score_step[l]]+32'(score_row[l])][score_slot[l]]) &&
            score[l] > most[score_step[l]][score_row[l]])
          most[score_step[l]][score_row[l]] = score[l];
      end
    for (int p = 0; p < 2; p++)
      for (int i = 0; i < SOFTMAX_LANES; i++)
        if (write[p][i])
          entries[write_step[p]][write_row[p]][write_slot[p]+count_t'(i)] = write_data[p][i];
  end

  always_ff @(posedge clk) begin
    if (clear)
      for (int r = 0; r < ROWS; r++) for (int c = 0; c < WIDTH; c++) sums[clear_half][r][c] = 0;
    for (int l = 0; l < LINES; l++)
      if (sum_write[l])
        for (int c = 0; c < WIDTH; c++)
          sums[sum_half[l]][sum_row[l]][c] += $signed(sum[l][32*c+:32]);
  end
endmodule
