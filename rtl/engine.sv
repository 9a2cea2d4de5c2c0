// The denser or the sparser engine: cuts its part of a tile into visits (D4), lets them begin in
// their order on lines that are free, and counts the lines' cycles. What a line is to do is told a
// cycle later, in `work`; the lines themselves are pe_line.sv.
//
// All that happens in a cycle is one pass from top to bottom (at the end of the file): variables
// that are read again further down have their new values, and no other block reads them. As many
// visits begin in a cycle as DISPATCH says, which is how often the loops over visits run.
module engine
  import vitcod_pkg::*;
#(
    parameter bit SPARSER = 1'b0,
    parameter int WRITES = 4
) (
    input logic clk,
    input logic rst,
    input logic running,
    input time_t now,
    input logic begins,  // `phase` begins in this cycle
    input phase_t phase,
    input count_t words,  // cycles of an entry that shares its operands, or does without conflicts
    input count_t dim,  // values of a query or value
    input count_t keys,  // without summaries
    input count_t summaries,
    // Rows of the phase's operands that have arrived, and chunks of its indices.
    input count_t query_there,
    input count_t key_there,
    input count_t index_there,
    input count_t value_there,
    // When rows that are on their way will come (D1): what has been asked of the memory before.
    input logic foretold,
    input longint ahead,
    input logic [31:0] row_bytes,
    input logic index_write[WRITES],  // chunks that arrive in the index scratchpad
    input logic index_half[WRITES],
    input count_t index_row[WRITES],
    input logic [INDEX_CHUNK*8-1:0] index_data[WRITES],
    // Lines whose visit is over; SpMM: whose sums leave, and how many have found room (D8).
    output count_t freed,
    input count_t sums_gone,
    // Rows of the phase's step whose probabilities are there, in their order (D9).
    input count_t rows_ready,
    input count_t order[ROWS],
    output logic finished,  // nothing of the phase that runs is left
    output work_t work[LINES]
);
  localparam int FED_QUERIES = QUERY_BANKS < LINES ? QUERY_BANKS : LINES;
  localparam int FED_VALUES = VALUE_BANKS < LINES ? VALUE_BANKS : LINES;

  // ---- lines: what they do, entry by entry of a visit

  logic active[LINES]  /*verilator public_flat_rd*/;
  count_t left[LINES];  // cycles of the entry
  count_t count[LINES], begun[LINES], planned[LINES];  // entries; of which begun; with a time
  count_t token[LINES][VISIT], row_of[LINES][VISIT], slot_of[LINES][VISIT];
  time_t start_of[LINES][VISIT];
  count_t key_of[LINES];
  logic mean_in[LINES], mean_out[LINES];

  // ---- the index scratchpad, which is the sparser engine's alone

  logic [15:0] indices[2][SPARSER ? INDEX_WORDS : 1];

  always_ff @(posedge clk)
    for (int i = 0; i < WRITES; i++)
      if (SPARSER && index_write[i])
        for (int w = 0; w < INDEX_CHUNK / 2; w++)
          if (32'(index_row[i]) * (INDEX_CHUNK / 2) + w < INDEX_WORDS)
            indices[index_half[i]][32'(index_row[i])*(INDEX_CHUNK/2)+w] =
                index_data[i][16*w+:16];

  // ---- visits on their way to a line

  count_t lines;  // that this engine has
  count_t to_dispatch;  // visits that no line has asked for
  count_t idle;  // lines that have not asked for a visit
  count_t asking;  // visits whose key is on its way from the key scratchpad's ports (D8)
  count_t waiting;  // visits that wait for operands
  count_t leaving;  // lines whose sums wait for the output scratchpad's ports
  int backlog;  // bytes of keys, times LINES
  logic was_sums;  // of the phase that runs

  // ---- the next visit

  count_t group, place;  // denser: the first of its queries; place in the panel
  count_t key, at, rest;  // sparser: column, its next index, and how many it has left
  count_t row;  // SpMM: place in the order of rows
  count_t value, mean_row, means_left;  // the mean of values; rows that got it; visits not over

  // Keys of a row's sparser entries in the order of their slots, for the two steps in flight.
  count_t list_key[2][ROWS][KEYS], list_count[2][ROWS], list_next[2][ROWS];

  count_t rows, panel;
  logic step;
  assign rows  = phase.query_end - phase.query_first;
  assign panel = (phase.global_end - phase.key_first) + (phase.key_end - phase.sparser_end);
  assign step  = phase.step[0];

  function automatic count_t panel_key(count_t i);
    count_t own = phase.global_end - phase.key_first;
    return i < own ? phase.key_first + i : phase.sparser_end + i - own;
  endfunction

  function automatic count_t panel_slot(count_t k);
    return k < keys ? k : phase.globals + k - keys;
  endfunction

  function automatic count_t visits_of(count_t entries, int most);
    return count_t'((int'(entries) + most - 1) / most);
  endfunction

  function automatic logic row_has_entries(count_t r);
    count_t next = list_next[step][r];
    return next < list_count[step][r] && list_key[step][r][next] < phase.sparser_end;
  endfunction

  function automatic logic is_there(count_t t);
    return t < (phase.sums ? value_there : query_there);
  endfunction

  // ---- banks (D1): what visits will read, those that began earlier first

  logic cal_valid[LINES*VISIT];
  count_t cal_token[LINES*VISIT];
  time_t cal_start[LINES*VISIT];
  count_t banks, cycles;
  always_comb begin
    banks  = count_t'(phase.sums ? VALUE_BANKS : QUERY_BANKS);
    cycles = words;
    if (SPARSER && GATHER_DIVIDED)
      cycles = visits_of(count_t'(LINES * int'(dim)),
                         (phase.sums ? FED_VALUES : FED_QUERIES) * MACS);
  end

  // When a token that is wanted at `start` can be read. The read is entered as `index`.
  task automatic reserve(inout time_t start, input count_t wanted, input int index);
    logic again;
    int first;
    again = !GATHER_DIVIDED;
    while (again) begin
      first = -1;  // of the reads of this bank that are in the way
      for (int i = 0; i < LINES * VISIT; i++)
        if (cal_valid[i] && cal_token[i] % banks == wanted % banks &&
            cal_start[i] + time_t'(words) > start && cal_start[i] < start + time_t'(words) &&
            (first < 0 || cal_start[i] < cal_start[first]))
          first = i;
      again = first >= 0 && !(cal_token[first] == wanted && cal_start[first] >= start);
      if (again) start = cal_start[first] + time_t'(words);
      else if (first >= 0) start = cal_start[first];  // all lines that want the same hear it
    end
    cal_valid[index] = 1'b1;
    cal_token[index] = wanted;
    cal_start[index] = start;
  endtask

  // ---- what others see of a cycle before anything happens in it

  count_t freed_next, lines_seen, idle_seen;
  logic none_left, sums_seen;
  work_t work_next[LINES];
  assign finished = none_left && idle_seen + (sums_seen ? sums_gone : freed) == lines_seen;

  task automatic show();
    freed_next = 0;
    for (int l = 0; l < LINES; l++)
      if (active[l] && left[l] == 0 && begun[l] == count[l]) freed_next++;
    freed <= freed_next;
    lines_seen <= lines;
    idle_seen <= idle;
    sums_seen <= was_sums;
    none_left <= to_dispatch == 0 && asking == 0 && waiting == 0;
    work <= work_next;
  endtask

  // ---- steps of a cycle

  task automatic end_entries();
    for (int l = 0; l < LINES; l++)
      if (active[l] && left[l] == 0 && begun[l] == count[l]) begin
        active[l] = 1'b0;
        if (mean_in[l]) means_left--;
        if (was_sums) leaving++;
        else idle++;
      end
    leaving -= sums_gone;
    idle += sums_gone;
  endtask

  task automatic begin_phase();
    lines = SPARSER ? count_t'(LINES) - phase.denser_lines : phase.denser_lines;
    was_sums = phase.sums;
    idle = lines;
    backlog = 0;
    group = 0;
    place = 0;
    key = phase.global_end;
    at = 0;
    rest = 0;
    row = 0;
    value = phase.key_first;
    mean_row = 0;
    means_left = 0;
    for (int i = 0; i < LINES * VISIT; i++) cal_valid[i] = 1'b0;
    if (SPARSER) to_dispatch = phase.sparser_visits;
    else if (!phase.sums) to_dispatch = visits_of(rows, KEY_VISIT) * panel;
    else begin
      if (phase.means) means_left = visits_of(phase.key_end - phase.key_first, SUM_VISIT);
      to_dispatch = rows * visits_of(panel, SUM_VISIT) + means_left + (phase.adds ? rows : 0);
    end
    if (!phase.sums && phase.first)
      for (int r = 0; r < ROWS; r++) begin
        list_count[step][r] = 0;
        list_next[step][r]  = 0;
      end
  endtask

  // Lines that are free ask for visits, up to DISPATCH of them. A key comes over the ports, which
  // have a key of room for each line (D8): a visit goes on once no more than that is in front.
  task automatic dispatch();
    count_t n;
    int bytes;
    n = idle < to_dispatch ? idle : to_dispatch;
    n = n < count_t'(DISPATCH) ? n : count_t'(DISPATCH);
    bytes = int'(dim) * LINES;
    idle -= n;
    to_dispatch -= n;
    if (phase.sums) waiting += n;
    else begin
      if (!begins) backlog -= KEY_BANKS * BANK_BYTES * int'(lines);
      backlog = (backlog > 0 ? backlog : 0) + int'(n) * bytes;
      asking += n;
      while (asking > 0 && backlog <= (int'(lines) + int'(asking) - 1) * bytes) begin
        asking--;
        waiting++;
      end
    end
  endtask

  // Whether the next visit is known, and its key, its indices or its probabilities are there (D6).
  task automatic look(output logic there);
    there = 1'b0;
    if (!phase.sums && !SPARSER) there = panel_key(place) - phase.key_first < key_there;
    else if (!phase.sums) begin
      // A column's indices are there with the last of them; a chunk has INDEX_CHUNK / 2.
      while (rest == 0 && key < phase.sparser_end && at / (INDEX_CHUNK / 2) < index_there) begin
        rest = indices[phase.index_half][at];
        at++;
        if (rest == 0) key++;
      end
      there = rest != 0 && (at + rest - 1) / (INDEX_CHUNK / 2) < index_there &&
          key - phase.key_first < key_there;
    end else if (SPARSER) begin
      while (row < rows_ready && !row_has_entries(order[row])) row++;
      there = row < rows_ready;
    end else if (phase.means && value < phase.key_end) there = 1'b1;
    else if (panel > 0 && row < rows) there = row < rows_ready;
    else there = means_left == 0 && mean_row < rows_ready;
  endtask

  task automatic add_entry(input int l, input count_t t, input count_t r, input count_t slot);
    token[l][count[l]] = t;
    row_of[l][count[l]] = r;
    slot_of[l][count[l]] = slot;
    count[l]++;
  endtask

  // D5: the denser part goes through groups of queries, and in each through the panel; the sparser
  // part through its columns.
  task automatic take_scores(input int l);
    count_t r;
    if (!SPARSER) begin
      key_of[l] = panel_key(place);
      for (int i = 0; i < KEY_VISIT; i++)
        if (group + count_t'(i) < rows)
          add_entry(l, group + count_t'(i), group + count_t'(i), panel_slot(key_of[l]));
      place++;
      if (place == panel) begin
        place = 0;
        group += count_t'(KEY_VISIT);
      end
    end else begin
      key_of[l] = key;
      for (int i = 0; i < KEY_VISIT; i++)
        if (rest != 0) begin
          r = indices[phase.index_half][at];
          add_entry(l, r, r, phase.globals + summaries + list_count[step][r]);
          list_key[step][r][list_count[step][r]] = key;
          list_count[step][r]++;
          at++;
          rest--;
        end
      if (rest == 0) key++;
    end
  endtask

  // D8: rows in the order in which they are ready. D17: the mean first, and behind all rows.
  task automatic take_sums(input int l);
    count_t r;
    r = order[row];
    for (int i = 0; i < SUM_VISIT; i++)
      if (SPARSER) begin
        if (row_has_entries(r)) begin
          add_entry(l, list_key[step][r][list_next[step][r]] - phase.key_first, r,
                    phase.globals + summaries + list_next[step][r]);
          list_next[step][r]++;
        end
      end else if (phase.means && (value < phase.key_end || mean_in[l])) begin
        if (value < phase.key_end) add_entry(l, value - phase.key_first, 0, 0);
        if (value < phase.key_end) value++;
        mean_in[l] = 1'b1;
      end else if (panel > 0 && row < rows) begin
        if (place < panel)
          add_entry(l, panel_key(place) - phase.key_first, r, panel_slot(panel_key(place)));
        if (place < panel) place++;
      end else if (i == 0) begin
        add_entry(l, 0, order[mean_row], 0);
        mean_out[l] = 1'b1;
        mean_row++;
      end
    if (!SPARSER && place == panel && panel > 0) begin
      place = 0;
      row++;
    end
  endtask

  // When an operand comes that is not there.
  function automatic time_t comes(count_t t);
    longint credit = ahead + longint'((64'(t) + 1) * 64'(row_bytes) * RATE_CYCLES);
    return credit <= 0 ? now : now + time_t'((credit + RATE_BYTES - 1) / RATE_BYTES);
  endfunction

  // Finds times for entries whose operands are there, or of which it is known when they come.
  task automatic plan(input int l);
    time_t t;
    count_t wanted;
    logic known;
    t = now;
    known = 1'b1;
    while (known && planned[l] < count[l]) begin
      wanted = token[l][planned[l]];
      if (!mean_out[l] && !is_there(wanted)) begin
        known = SPARSER && foretold;
        if (known && comes(wanted) > t) t = comes(wanted);
      end
      if (known) begin
        if (SPARSER) reserve(t, wanted, l * VISIT + int'(planned[l]));
        start_of[l][planned[l]] = t;
        t += time_t'(cycles);
        planned[l]++;
      end
    end
  endtask

  task automatic give_visits();
    logic there;
    int l;
    l = 0;
    look(there);
    while (waiting > 0 && there) begin
      while (active[l]) l++;
      active[l] = 1'b1;
      left[l] = 0;
      count[l] = 0;
      begun[l] = 0;
      planned[l] = 0;
      mean_in[l] = 1'b0;
      mean_out[l] = 1'b0;
      if (phase.sums) take_sums(l);
      else take_scores(l);
      for (int i = 0; i < VISIT; i++) cal_valid[l*VISIT+i] = 1'b0;
      plan(l);
      waiting--;
      look(there);
    end
  endtask

  task automatic begin_entries();
    for (int l = 0; l < LINES; l++) begin
      work_next[l] = '0;
      if (active[l] && left[l] == 0) begin
        if (planned[l] == begun[l]) plan(l);
        if (planned[l] > begun[l] && start_of[l][begun[l]] <= now) begin
          left[l] = cycles;
          work_next[l].valid = 1'b1;
          work_next[l].sums = phase.sums;
          work_next[l].clear = begun[l] == 0;
          work_next[l].last = begun[l] + 1 == count[l];
          work_next[l].cycles = cycles;
          work_next[l].words = words;
          work_next[l].half = phase.sums ? phase.value_half : phase.query_half;
          work_next[l].token = token[l][begun[l]];
          work_next[l].key_half = phase.key_half;
          work_next[l].key = key_of[l] - phase.key_first;
          work_next[l].step = step;
          work_next[l].row = row_of[l][begun[l]];
          work_next[l].slot = slot_of[l][begun[l]];
          work_next[l].biased = !phase.sums && key_of[l] >= keys;
          work_next[l].bias = key_of[l] - keys;
          work_next[l].mean_in = mean_in[l];
          work_next[l].mean_out = mean_out[l];
          begun[l]++;
        end
      end
      if (left[l] > 0) left[l]--;
    end
  endtask

  always_ff @(posedge clk)
    if (rst) begin
      lines = 0;
      idle = 0;
      to_dispatch = 0;
      asking = 0;
      waiting = 0;
      leaving = 0;
      was_sums = 1'b0;
      for (int l = 0; l < LINES; l++) begin
        active[l] = 1'b0;
        left[l] = 0;
        work_next[l] = '0;
      end
      show();
    end else if (running) begin
      end_entries();
      if (begins) begin_phase();
      dispatch();
      give_visits();
      begin_entries();
      show();
    end
endmodule
