// The DMA, in front of a memory that serves one transfer after the other, RATE_BYTES bytes in
// RATE_CYCLES cycles (C1): loads in the order of the schedule, each as soon as its half of a
// scratchpad is free; stores when results are there. A store that still waits holds up what is
// asked for after it.
//
// Time is counted in credit: RATE_BYTES in each cycle, of which a byte costs RATE_CYCLES.
module dma
  import vitcod_pkg::*;
#(
    parameter int LOADS  = 1024,
    parameter int WRITES = 4  // rows that may arrive in a cycle
) (
    input logic clk,
    input logic rst,
    input logic running,
    input time_t now,
    input count_t load_count,
    input count_t phases_over,
    input count_t asked,  // a load: where its rows are on their way; see below
    output logic foretold,
    output longint ahead,
    output logic [31:0] asked_row_bytes,
    input logic store,  // a tile's results are asked to be stored,
    input logic [31:0] store_bytes,
    input time_t store_from,  // from this cycle on
    output count_t loads_done,
    output count_t rows_there,  // of the load that is on its way; of indices chunks
    output count_t stores_done,
    output logic write[WRITES],
    output load_t write_load[WRITES],
    output count_t write_row[WRITES]
);
  localparam int STORES = 4;

  // Descriptors: scratchpad, half, address, bytes of a row, bytes, phases before it.
  logic [31:0] loads[LOADS][6]  /*verilator public_flat_rw*/;

  function automatic load_t load_at(count_t i);
    load_at.buffer = buffer_t'(loads[i][0][1:0]);
    load_at.half = loads[i][1][0];
    load_at.address = loads[i][2];
    load_at.row_bytes = loads[i][3];
    load_at.bytes = loads[i][4];
    load_at.after = count_t'(loads[i][5]);
  endfunction

  count_t pushed, pushed_next;  // loads that have been asked for
  longint unsigned credit, credit_next;
  longint unsigned moved, moved_next;  // bytes of the load that is on its way
  count_t loads_next, rows_next, stores_next;
  count_t stores_asked;
  logic [31:0] bytes[STORES];
  time_t from[STORES];
  count_t behind[STORES];  // loads that were asked for before it

  // What is over with this cycle.
  logic more;
  int n;
  longint unsigned wanted;
  load_t next;
  always_comb begin
    pushed_next = pushed;
    while (pushed_next < load_count && loads[pushed_next][5] <= 32'(phases_over)) pushed_next++;
    credit_next = credit + RATE_BYTES;
    moved_next = moved;
    loads_next = loads_done;
    rows_next = rows_there;
    stores_next = stores_done;
    for (int i = 0; i < WRITES; i++) begin
      write[i] = 1'b0;
      write_load[i] = '0;
      write_row[i] = '0;
    end
    n = 0;
    more = running;
    wanted = 0;
    next = '0;
    while (more && n < WRITES) begin
      more = 1'b0;
      if (stores_next != stores_asked && behind[stores_next[1:0]] == loads_next) begin
        wanted = 64'(bytes[stores_next[1:0]]) * RATE_CYCLES;
        if (from[stores_next[1:0]] > now) credit_next = 0;
        else if (credit_next >= wanted) begin
          credit_next -= wanted;
          stores_next++;
          more = 1'b1;
        end
        // A store that is asked for in this cycle goes before loads that are, too.
      end else if (loads_next < (store ? pushed : pushed_next)) begin
        next = load_at(loads_next);
        wanted = (64'(rows_next) + 1) * 64'(next.row_bytes);
        if (wanted > 64'(next.bytes)) wanted = 64'(next.bytes);
        if (credit_next >= (wanted - moved_next) * RATE_CYCLES) begin
          credit_next -= (wanted - moved_next) * RATE_CYCLES;
          moved_next = wanted;
          write[n] = 1'b1;
          write_load[n] = next;
          write_row[n] = rows_next;
          n++;
          rows_next++;
          if (wanted == 64'(next.bytes)) begin
            moved_next = 0;
            rows_next = 0;
            loads_next++;
          end
          more = 1'b1;
        end
      end else credit_next = 0;
    end
  end

  // At a constant rate it is known when a row comes, unless a store stands in front: the n-th of
  // the load that is asked for once `ahead` + n rows' credit has come.
  always_comb begin
    foretold = asked < pushed;
    ahead = -longint'(moved * RATE_CYCLES) - longint'(credit);
    asked_row_bytes = loads[asked][3];
    for (int i = 0; i < STORES; i++)
      if (stores_done != stores_asked && count_t'(i) < stores_asked - stores_done &&
          behind[2'(stores_done) + 2'(i)] <= asked)
        foretold = 1'b0;
    if (foretold)
      for (count_t l = loads_done; l < asked; l++)
        ahead += longint'(64'(loads[l][4]) * RATE_CYCLES);
  end

  always_ff @(posedge clk)
    if (rst) begin
      pushed <= 0;
      credit <= 0;
      moved <= 0;
      stores_asked <= 0;
      loads_done <= 0;
      rows_there <= 0;
      stores_done <= 0;
    end else if (running) begin
      pushed <= pushed_next;
      credit <= credit_next;
      moved <= moved_next;
      loads_done <= loads_next;
      rows_there <= rows_next;
      stores_done <= stores_next;
      if (store) begin
        bytes[stores_asked[1:0]] <= store_bytes;
        from[stores_asked[1:0]] <= store_from;
        behind[stores_asked[1:0]] <= pushed;
        stores_asked <= stores_asked + 1;
      end
    end
endmodule
