// Softmax (D9, D10): rows in the order in which they are complete, those of a cycle by their
// number, SOFTMAX_LANES entries a cycle; behind it a second pass, which has lanes of its own and
// takes one row after the other; SOFTMAX_LATENCY cycles later a row's probabilities are there.
//
// A pass reads scores and leaves powers in their place, the other powers and leaves probabilities.
// The first is told to the lanes a cycle late, the second two cycles later than that, when the
// row's sum is there; what is left of the latency is for registers inside exp_power and share.
module softmax
  import vitcod_pkg::*;
#(
    parameter int PLAN_ROWS = 1024
) (
    input logic clk,
    input logic rst,
    input logic running,
    input logic begins,
    input phase_t phase,
    input count_t queries,
    input count_t summaries,
    // Of the plan: which entries of the panel are kept in the row of the first pass, what the
    // probabilities of the second's add up to.
    output logic [31:0] first_of_plan,
    input logic [KEYS-1:0] kept,
    output logic [31:0] second_of_plan,
    input logic [7:0] whole,
    input logic [23:0] mantissa,
    input logic [7:0] exponent,
    // Scores that are in the output scratchpad since this cycle.
    input logic done[LINES],
    input logic done_step[LINES],
    input count_t done_row[LINES],
    output count_t rows_ready[2],
    output count_t order[2][ROWS],
    // The lanes' side of the output scratchpad.
    output logic read_step[2],
    output count_t read_row[2],
    output count_t read_slot[2],
    input logic [31:0] read_data[2][SOFTMAX_LANES],
    input logic signed [31:0] highest,  // of the row that the first pass reads
    output logic write_step[2],
    output count_t write_row[2],
    output count_t write_slot[2],
    output logic [SOFTMAX_LANES-1:0] write[2],
    output logic [31:0] write_data[2][SOFTMAX_LANES]
);
  typedef struct packed {
    logic valid;
    logic step;
    count_t row, slot, panel;
    logic [31:0] of_plan;  // the row there
    count_t entries;
    logic first;
  } chunk_t;

  // Of the plan: entries of a row in the sparser part.
  count_t row_length[PLAN_ROWS]  /*verilator public_flat_rw*/;

  // ---- rows of the two steps in flight

  count_t rows[2], panel[2], received[2][ROWS], ordered[2], ready[2];
  logic in_order[2][ROWS];
  logic [31:0] of_plan[2];
  count_t expected[2][ROWS];

  // ---- passes

  logic turn;  // the step whose rows are taken
  count_t taken;
  count_t first_left;  // cycles of the first pass
  chunk_t first, second, lagging0, lagging1, at_second;
  chunk_t at_first  /*verilator public_flat_rd*/;
  // Rows that are through the first pass.
  chunk_t queue[ROWS];
  count_t queue_head, queue_tail;
  count_t second_left;
  count_t seen_ready[2];
  logic ends;  // the second pass is through with a row in this cycle
  logic [SOFTMAX_LATENCY:0] pipeline, pipeline_step;  // rows on their way, with their steps

  task automatic open_step();
    logic s;
    s = phase.step[0];
    rows[s] = phase.query_end - phase.query_first;
    panel[s] = phase.globals + summaries;
    of_plan[s] = 32'(phase.head) * 32'(queries) + 32'(phase.query_first);
    ordered[s] = 0;
    ready[s] = 0;
    for (int r = 0; r < ROWS; r++) begin
      received[s][r] = 0;
      in_order[s][r] = count_t'(r) >= rows[s];
      expected[s][r] = panel[s] + row_length[of_plan[s] + r];
    end
  endtask

  task automatic order_rows();
    for (int l = 0; l < LINES; l++) if (done[l]) received[done_step[l]][done_row[l]]++;
    for (int s = 0; s < 2; s++)
      for (int r = 0; r < ROWS; r++)
        if (!in_order[s][r] && received[s][r] == expected[s][r]) begin
          in_order[s][r] = 1'b1;
          order[s][ordered[s]] = count_t'(r);
          ordered[s]++;
        end
  endtask

  task automatic pass_first();
    if (first_left == 0) first.valid = 1'b0;
    if (first_left == 0 && taken < ordered[turn]) begin
      first.valid = 1'b1;
      first.step = turn;
      first.row = order[turn][taken];
      first.slot = 0;
      first.panel = panel[turn];
      first.of_plan = of_plan[turn] + 32'(first.row);
      first.entries = expected[turn][first.row];
      first.first = 1'b1;
      first_left = (first.entries + count_t'(SOFTMAX_LANES - 1)) / count_t'(SOFTMAX_LANES);
      taken++;
      if (taken == rows[turn]) begin
        ordered[turn] = 0;
        turn = !turn;
        taken = 0;
      end
    end else if (first.valid) begin
      first.slot += count_t'(SOFTMAX_LANES);
      first.first = 1'b0;
    end
  endtask

  // A row whose first pass ended with the cycle before may begin with the second.
  task automatic pass_second();
    if (second_left == 0) second.valid = 1'b0;
    if (second_left == 0 && queue_head != queue_tail) begin
      second = queue[queue_head];
      second.slot = 0;
      second_left = (second.entries + count_t'(SOFTMAX_LANES - 1)) / count_t'(SOFTMAX_LANES);
      queue_head = queue_head == count_t'(ROWS - 1) ? 0 : queue_head + 1;
    end else if (second.valid) second.slot += count_t'(SOFTMAX_LANES);
  endtask

  always_ff @(posedge clk)
    if (rst) begin
      for (int s = 0; s < 2; s++) begin
        rows[s] = 0;
        ordered[s] = 0;
        ready[s] = 0;
        for (int r = 0; r < ROWS; r++) in_order[s][r] = 1'b1;
      end
      turn = 1'b0;
      taken = 0;
      first = '0;
      second = '0;
      first_left = 0;
      second_left = 0;
      queue_head = 0;
      queue_tail = 0;
      pipeline = '0;
      pipeline_step = '0;
      at_first <= '0;
      lagging0 <= '0;
      lagging1 <= '0;
      at_second <= '0;
      for (int s = 0; s < 2; s++) rows_ready[s] <= 0;
    end else if (running) begin
      ready[pipeline_step[SOFTMAX_LATENCY]] += count_t'(pipeline[SOFTMAX_LATENCY]);
      if (begins && !phase.sums && phase.first) open_step();
      order_rows();
      pass_second();
      pass_first();
      ends = second.valid && second_left == 1;
      pipeline = (SOFTMAX_LATENCY + 1)'({pipeline, ends});
      pipeline_step = (SOFTMAX_LATENCY + 1)'({pipeline_step, second.step});
      if (second_left > 0) second_left--;
      if (first_left == 1) begin
        queue[queue_tail] = first;
        queue_tail = queue_tail == count_t'(ROWS - 1) ? 0 : queue_tail + 1;
      end
      if (first_left > 0) first_left--;
      // What others see in the next cycle.
      at_first <= first;
      lagging0 <= second;
      lagging1 <= lagging0;
      at_second <= lagging1;
      for (int s = 0; s < 2; s++) seen_ready[s] = ready[s];
      if (pipeline[SOFTMAX_LATENCY]) seen_ready[pipeline_step[SOFTMAX_LATENCY]]++;
      for (int s = 0; s < 2; s++) rows_ready[s] <= seen_ready[s];
    end

  // ---- lanes

  logic [31:0] row_sum[2][ROWS];
  logic [31:0] powers;
  logic [SOFTMAX_LANES-1:0] wanted[2];
  logic [31:0] found[2][SOFTMAX_LANES];
  assign first_of_plan = at_first.of_plan;
  assign second_of_plan = at_second.of_plan;
  assign read_step[0] = at_first.step;
  assign read_row[0] = at_first.row;
  assign read_slot[0] = at_first.slot;
  assign read_step[1] = at_second.step;
  assign read_row[1] = at_second.row;
  assign read_slot[1] = at_second.slot;

  for (genvar i = 0; i < SOFTMAX_LANES; i++) begin : g_lane
    logic [16:0] power;
    logic [7:0] probability;
    count_t slot;
    logic seen;
    assign slot = at_first.slot + count_t'(i);
    assign seen = slot >= at_first.panel || kept[slot];
    exp_power exp_lane (
        .difference(highest - read_data[0][i]),
        .mantissa(mantissa),
        .exponent(exponent),
        .power(power)
    );
    share share_lane (
        .power(read_data[1][i][16:0]),
        .whole(whole),
        .sum(row_sum[at_second.step][at_second.row]),
        .probability(probability)
    );
    assign wanted[0][i] = at_first.valid && slot < at_first.entries;
    assign wanted[1][i] = at_second.valid && at_second.slot + count_t'(i) < at_second.entries;
    assign found[0][i] = seen ? 32'(power) : 32'd0;
    assign found[1][i] = 32'(probability);
    always_ff @(posedge clk) begin
      write_data[0][i] <= found[0][i];
      write_data[1][i] <= found[1][i];
    end
  end

  always_comb begin
    powers = 0;
    for (int i = 0; i < SOFTMAX_LANES; i++) if (wanted[0][i]) powers += found[0][i];
  end
  always_ff @(posedge clk) begin
    for (int p = 0; p < 2; p++) write[p] <= wanted[p];
    write_step[0] <= at_first.step;
    write_row[0] <= at_first.row;
    write_slot[0] <= at_first.slot;
    write_step[1] <= at_second.step;
    write_row[1] <= at_second.row;
    write_slot[1] <= at_second.slot;
    if (at_first.valid)
      row_sum[at_first.step][at_first.row] <=
          (at_first.first ? 32'd0 : row_sum[at_first.step][at_first.row]) + powers;
  end
endmodule
