// Attention of a layer on ViTCoD's lines: docs/simulator.md, part D, and docs/rtl.md. The schedule
// (phases, loads) and what is constant of the plan lie in memories that are filled before
// `running`. `memory_*` is the memory's side of the DMA: which rows arrive in this cycle, and their
// bytes.
module vitcod_attention
  import vitcod_pkg::*;
#(
    parameter int PHASES = 1024,
    parameter int LOADS = 1024,
    parameter int PLAN_ROWS = 16 * ROWS,
    parameter int WRITES = 4
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
    input logic [23:0] mantissa,  // of the softmax's scale
    input logic [7:0] exponent,
    output logic memory_read[WRITES],
    output load_t memory_load[WRITES],
    output count_t memory_row[WRITES],
    input logic [WORDS*8*MACS-1:0] memory_data[WRITES],
    input logic [SUMMARIES*32-1:0] memory_bias[WRITES],
    input logic [INDEX_CHUNK*8-1:0] memory_index[WRITES],
    output count_t stores_done,
    output count_t phases_over,
    output logic done,
    output time_t now
);
  // ---- the order of phases

  // Phases as 32-bit fields, in the order of docs/rtl.md; behind them the halves and the loads.
  logic [31:0] phases[PHASES][22]  /*verilator public_flat_rw*/;
  // Of the plan: what a row's probabilities add up to (D23).
  logic [7:0] row_whole[PLAN_ROWS]  /*verilator public_flat_rw*/;

  function automatic phase_t phase_at(count_t i);
    phase_at.sums = phases[i][0][0];
    phase_at.head = count_t'(phases[i][1]);
    phase_at.query_first = count_t'(phases[i][2]);
    phase_at.query_end = count_t'(phases[i][3]);
    phase_at.key_first = count_t'(phases[i][4]);
    phase_at.key_end = count_t'(phases[i][5]);
    phase_at.global_end = count_t'(phases[i][6]);
    phase_at.sparser_end = count_t'(phases[i][7]);
    phase_at.first = phases[i][8][0];
    phase_at.last = phases[i][9][0];
    phase_at.step = count_t'(phases[i][10]);
    phase_at.query_load = count_t'(phases[i][11]);
    phase_at.key_load = count_t'(phases[i][12]);
    phase_at.index_load = count_t'(phases[i][13]);
    phase_at.value_load = count_t'(phases[i][14]);
    phase_at.denser_lines = count_t'(phases[i][15]);
    phase_at.sparser_visits = count_t'(phases[i][16]);
    phase_at.means = phases[i][17][0];
    phase_at.adds = phases[i][18][0];
    phase_at.globals = count_t'(phases[i][19]);
    phase_at.query_half = phases[i][20][0];
    phase_at.key_half = phases[i][20][1];
    phase_at.index_half = phases[i][20][2];
    phase_at.value_half = phases[i][20][3];
    phase_at.loads = count_t'(phases[i][21]);
  endfunction

  logic active, over, skips, opens, begins, begins_step, begins_tile;
  count_t at, stores, stores_now, phases_over_now, loads_done, rows_there;
  phase_t current, next, phase;
  count_t freed[2], gone[2], rows_ready[2], order[2][ROWS];
  logic finished[2];

  // Results of the step before the last must have left (D2).
  function automatic logic may_begin(phase_t p, count_t asked, count_t left);
    return !p.sums || !p.first || asked < 2 || left >= asked - 1;
  endfunction

  function automatic logic is_empty(phase_t p);
    return p.sparser_visits == 0 && p.global_end == p.key_first && p.key_end == p.sparser_end &&
        !p.means && !p.adds;
  endfunction

  always_comb begin
    current = phase_at(at);
    over = running && active && finished[0] && finished[1] && loads_done >= current.loads;
    phases_over_now = phases_over + count_t'(over);
    stores_now = stores + count_t'(over && current.sums && current.last);
    begins = 1'b0;
    phase = current;
    next = '0;
    skips = 1'b0;
    opens = 1'b0;
    if (running && (over || !active) && phases_over_now < phase_count) begin
      next = phase_at(phases_over_now);
      // A tile without work takes no time, but for its loads.
      skips = is_empty(next) && !next.last && loads_done >= next.loads &&
          may_begin(next, stores_now, stores_done);
      if (skips) begin
        opens = next.first;
        phases_over_now = phases_over_now + 1;
        next = phase_at(phases_over_now);
        next.first = next.first || opens;
      end
      begins = may_begin(next, stores_now, stores_done);
      if (begins) phase = next;
    end
    begins_step = begins && !phase.sums && phase.first;
    begins_tile = begins && phase.sums && phase.first;
    done = running && phases_over == phase_count && stores_done == stores;
  end

  always_ff @(posedge clk)
    if (rst) begin
      active <= 1'b0;
      at <= 0;
      phases_over <= 0;
      stores <= 0;
      now <= 0;
    end else if (running && !done) begin
      now <= now + 1;
      phases_over <= phases_over_now;
      stores <= stores_now;
      active <= begins || (active && !over);
      if (begins) at <= phases_over_now;
    end

  // ---- memory and scratchpads

  logic arrives[WRITES];
  load_t arrives_load[WRITES];
  count_t arrives_row[WRITES];

  logic foretold;
  longint ahead;
  logic [31:0] asked_row_bytes;

  dma #(
      .LOADS (LOADS),
      .WRITES(WRITES)
  ) the_dma (
      .clk(clk),
      .rst(rst),
      .running(running),
      .now(now),
      .load_count(load_count),
      .phases_over(phases_over_now),
      .asked(phase.sums ? phase.value_load : phase.query_load),
      .foretold(foretold),
      .ahead(ahead),
      .asked_row_bytes(asked_row_bytes),
      .store(over && current.sums && current.last),
      .store_bytes(32'(current.query_end - current.query_first) * 32'(value_dim)),
      .store_from(now + LINE_LATENCY),
      .loads_done(loads_done),
      .rows_there(rows_there),
      .stores_done(stores_done),
      .write(arrives),
      .write_load(arrives_load),
      .write_row(arrives_row)
  );
  assign memory_read = arrives;
  assign memory_load = arrives_load;
  assign memory_row  = arrives_row;

  function automatic count_t there(count_t load);
    return load < loads_done ? 16'hffff : load == loads_done ? rows_there : 16'd0;
  endfunction

  logic arrives_at[4][WRITES];
  logic arrives_half[WRITES];
  always_comb
    for (int i = 0; i < WRITES; i++) begin
      arrives_half[i] = arrives_load[i].half;
      for (int b = 0; b < 4; b++)
        arrives_at[b][i] = arrives[i] && arrives_load[i].buffer == buffer_t'(b);
    end

  work_t engine_work[2][LINES], work[LINES];
  logic query_half[LINES], key_half[LINES];
  count_t token[LINES], key[LINES], word[LINES];
  word_t query_word[LINES], key_word[LINES], value_word[LINES];

  scratchpad #(
      .TOKENS(ROWS),
      .WRITES(WRITES)
  ) query_scratchpad (
      .clk(clk),
      .write(arrives_at[QUERY]),
      .write_half(arrives_half),
      .write_row(arrives_row),
      .write_data(memory_data),
      .read_half(query_half),
      .read_row(token),
      .read_word(word),
      .read_data(query_word)
  );
  scratchpad #(
      .TOKENS(KEYS),
      .WRITES(WRITES)
  ) key_scratchpad (
      .clk(clk),
      .write(arrives_at[KEY]),
      .write_half(arrives_half),
      .write_row(arrives_row),
      .write_data(memory_data),
      .read_half(key_half),
      .read_row(key),
      .read_word(word),
      .read_data(key_word)
  );
  scratchpad #(
      .TOKENS(KEYS),
      .WRITES(WRITES)
  ) value_scratchpad (
      .clk(clk),
      .write(arrives_at[VALUE]),
      .write_half(arrives_half),
      .write_row(arrives_row),
      .write_data(memory_data),
      .read_half(query_half),
      .read_row(token),
      .read_word(word),
      .read_data(value_word)
  );

  // Biases of summaries come with a query (D18).
  logic signed [31:0] biases[2][ROWS][SUMMARIES];
  always_ff @(posedge clk)
    for (int i = 0; i < WRITES; i++)
      if (arrives_at[QUERY][i])
        for (int g = 0; g < SUMMARIES; g++)
          biases[arrives_half[i]][arrives_row[i]][g] = memory_bias[i][32*g+:32];

  // ---- the two engines

  count_t words;
  assign words = count_t'((int'(phase.sums ? value_dim : head_dim) + MACS - 1) / MACS);

  for (genvar e = 0; e < 2; e++) begin : g_engine
    engine #(
        .SPARSER(e == 1),
        .WRITES (WRITES)
    ) the_engine (
        .clk(clk),
        .rst(rst),
        .running(running),
        .now(now),
        .begins(begins),
        .phase(phase),
        .words(words),
        .dim(phase.sums ? value_dim : head_dim),
        .keys(keys),
        .summaries(summaries),
        .query_there(there(phase.query_load)),
        .key_there(there(phase.key_load)),
        .index_there(there(phase.index_load)),
        .value_there(there(phase.value_load)),
        .foretold(foretold),
        .ahead(ahead),
        .row_bytes(asked_row_bytes),
        .index_write(arrives_at[INDEX]),
        .index_half(arrives_half),
        .index_row(arrives_row),
        .index_data(memory_index),
        .freed(freed[e]),
        .sums_gone(gone[e]),
        .rows_ready(rows_ready[phase.step[0]]),
        .order(order[phase.step[0]]),
        .finished(finished[e]),
        .work(engine_work[e])
    );
  end

  count_t sums_freed[2];
  assign sums_freed[0] = current.sums ? freed[0] : 16'd0;
  assign sums_freed[1] = current.sums ? freed[1] : 16'd0;
  sum_port the_sum_port (
      .clk(clk),
      .begins(begins),
      .dim(value_dim),
      .freed(sums_freed),
      .gone(gone)
  );

  // ---- lines, which the engines share from both ends

  logic signed [31:0] mean[WIDTH];  // sums of all values (D17)
  count_t mean_head, mean_query;  // of the tile whose rows get the mean
  logic mean_clear;
  assign mean_clear = begins_tile && phase.means;

  function automatic logic [7:0] mean_value(logic signed [31:0] total);
    logic [31:0] size;
    size = total < 0 ? -total : total;
    size = (2 * size + 32'(keys)) / (2 * 32'(keys));
    return total < 0 ? 8'(-size) : 8'(size);
  endfunction

  logic [7:0] probability[LINES];
  logic line_step[LINES];
  count_t line_row[LINES], line_slot[LINES];
  logic score_valid[LINES], sums_valid[LINES];
  logic signed [31:0] line_score[LINES];
  logic [WIDTH*32-1:0] line_sum[LINES];
  logic score_write[LINES], score_step[LINES], score_done[LINES], score_done_step[LINES];
  count_t score_row[LINES], score_slot[LINES], score_done_row[LINES];
  logic signed [31:0] score[LINES];
  logic sum_write[LINES], sum_half[LINES], mean_write[LINES];
  count_t sum_row[LINES];

  for (genvar l = 0; l < LINES; l++) begin : g_line
    work_t held, ended;
    word_t mean_word, x;
    logic [7:0] weight;
    logic [31:0] plan_row;
    typedef struct packed {
      logic valid, step;
      count_t row, slot;
      logic signed [31:0] score;
    } score_t;
    score_t late[LINE_LATENCY-1];

    assign work[l] = engine_work[0][l].valid ? engine_work[0][l] :
        engine_work[1][LINES-1-l].valid ? engine_work[1][LINES-1-l] : held;
    assign query_half[l] = work[l].half;
    assign key_half[l] = work[l].key_half;
    assign token[l] = work[l].token;
    assign key[l] = work[l].key;
    assign line_step[l] = work[l].step;
    assign line_row[l] = work[l].row;
    assign line_slot[l] = work[l].slot;
    always_comb begin
      mean_word = '0;
      if (work[l].mean_out)
        for (int i = 0; i < MACS; i++)
          mean_word[8*i+:8] = mean_value(mean[int'(word[l])*MACS+i]);
      x = work[l].mean_out ? mean_word : work[l].sums ? value_word[l] : query_word[l];
      plan_row = 32'(mean_head) * 32'(queries) + 32'(mean_query) + 32'(work[l].row);
      weight = work[l].mean_in ? 8'd1 :
          work[l].mean_out ? 8'd255 - row_whole[plan_row] : probability[l];
    end

    pe_line #(
        .MACS (MACS),
        .WORDS(WORDS)
    ) line (
        .clk(clk),
        .start(engine_work[0][l].valid || engine_work[1][LINES-1-l].valid),
        .sums(work[l].sums),
        .clear(work[l].clear),
        .last(work[l].last),
        .cycles(work[l].cycles),
        .words(work[l].words),
        .bias(work[l].biased ? biases[work[l].half][work[l].token][work[l].bias] : 32'sd0),
        .probability(weight),
        .x(x),
        .y(key_word[l]),
        .word(word[l]),
        .score_valid(score_valid[l]),
        .score(line_score[l]),
        .sums_valid(sums_valid[l]),
        .sum(line_sum[l])
    );

    // What is complete is of the entry of the cycle before.
    always_ff @(posedge clk) begin
      held <= work[l];
      held.valid <= 1'b0;
      ended <= work[l];
      late[0] <= '{score_valid[l] && !rst, ended.step, ended.row, ended.slot, line_score[l]};
    end
    for (genvar i = 1; i < LINE_LATENCY - 1; i++) begin : g_later
      always_ff @(posedge clk) late[i] <= late[i-1];
    end
    if (LINE_LATENCY == 2) begin : g_now
      assign score_write[l] = score_valid[l];
      assign score_step[l] = ended.step;
      assign score_row[l] = ended.row;
      assign score_slot[l] = ended.slot;
      assign score[l] = line_score[l];
    end else begin : g_late
      assign score_write[l] = late[LINE_LATENCY-3].valid;
      assign score_step[l] = late[LINE_LATENCY-3].step;
      assign score_row[l] = late[LINE_LATENCY-3].row;
      assign score_slot[l] = late[LINE_LATENCY-3].slot;
      assign score[l] = late[LINE_LATENCY-3].score;
    end
    assign score_done[l] = late[LINE_LATENCY-2].valid;
    assign score_done_step[l] = late[LINE_LATENCY-2].step;
    assign score_done_row[l] = late[LINE_LATENCY-2].row;
    assign sum_write[l] = sums_valid[l] && !ended.mean_in;
    assign mean_write[l] = sums_valid[l] && ended.mean_in;
    assign sum_half[l] = ended.step;
    assign sum_row[l] = ended.row;
  end

  always_ff @(posedge clk) begin
    if (begins) begin
      mean_head  <= phase.head;
      mean_query <= phase.query_first;
    end
    if (mean_clear) for (int c = 0; c < WIDTH; c++) mean[c] = 0;
    for (int l = 0; l < LINES; l++)
      if (mean_write[l])
        for (int c = 0; c < WIDTH; c++) mean[c] += $signed(line_sum[l][32*c+:32]);
  end

  // ---- scores, softmax, sums

  logic read_step[2], write_step[2];
  count_t read_row[2], read_slot[2], write_row[2], write_slot[2];
  logic [31:0] read_data[2][SOFTMAX_LANES], write_data[2][SOFTMAX_LANES];
  logic [SOFTMAX_LANES-1:0] write[2];
  logic signed [31:0] highest;
  logic [31:0] first_of_plan, second_of_plan;
  logic [KEYS-1:0] kept;

  softmax #(
      .PLAN_ROWS(PLAN_ROWS)
  ) the_softmax (
      .clk(clk),
      .rst(rst),
      .running(running),
      .begins(begins),
      .phase(phase),
      .queries(queries),
      .summaries(summaries),
      .first_of_plan(first_of_plan),
      .kept(kept),
      .second_of_plan(second_of_plan),
      .whole(row_whole[second_of_plan]),
      .mantissa(mantissa),
      .exponent(exponent),
      .done(score_done),
      .done_step(score_done_step),
      .done_row(score_done_row),
      .rows_ready(rows_ready),
      .order(order),
      .read_step(read_step),
      .read_row(read_row),
      .read_slot(read_slot),
      .read_data(read_data),
      .highest(highest),
      .write_step(write_step),
      .write_row(write_row),
      .write_slot(write_slot),
      .write(write),
      .write_data(write_data)
  );
  output_scratchpad #(
      .PLAN_ROWS(PLAN_ROWS)
  ) the_output_scratchpad (
      .clk(clk),
      .begins(begins_step),
      .begin_step(phase.step[0]),
      .begin_plan(32'(phase.head) * 32'(queries) + 32'(phase.query_first)),
      .begin_panel(phase.globals + summaries),
      .kept_of_plan(first_of_plan),
      .kept(kept),
      .score_write(score_write),
      .score_step(score_step),
      .score_row(score_row),
      .score_slot(score_slot),
      .score(score),
      .read_step(read_step),
      .read_row(read_row),
      .read_slot(read_slot),
      .read_data(read_data),
      .highest(highest),
      .write_step(write_step),
      .write_row(write_row),
      .write_slot(write_slot),
      .write(write),
      .write_data(write_data),
      .line_step(line_step),
      .line_row(line_row),
      .line_slot(line_slot),
      .probability(probability),
      .clear(begins_tile),
      .clear_half(phase.step[0]),
      .sum_write(sum_write),
      .sum_half(sum_half),
      .sum_row(sum_row),
      .sum(line_sum)
  );
endmodule
