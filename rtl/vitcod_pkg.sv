// Parameters and the types of what modules tell each other. The parameters are those of the
// simulator's YAML: vitcod simulate --rtl-parameters vitcod_parameters.svh.
`include "vitcod_parameters.svh"

package vitcod_pkg;
  localparam int LINES = `VITCOD_LINES;
  localparam int MACS = `VITCOD_MACS_PER_LINE;
  localparam int LINE_LATENCY = `VITCOD_LINE_LATENCY;
  localparam int KEY_VISIT = `VITCOD_ENTRIES_PER_VISIT;
  localparam int SUM_VISIT = `VITCOD_ENTRIES_PER_SUM;
  localparam int VISIT = KEY_VISIT > SUM_VISIT ? KEY_VISIT : SUM_VISIT;
  localparam int DISPATCH = `VITCOD_DISPATCH;
  localparam bit GATHER_DIVIDED = `VITCOD_GATHER != 0;
  localparam int SOFTMAX_LANES = `VITCOD_SOFTMAX_LANES;
  localparam int SOFTMAX_LATENCY = `VITCOD_SOFTMAX_LATENCY;
  localparam int QUERY_BANKS = `VITCOD_QUERY_BANKS;
  localparam int KEY_BANKS = `VITCOD_KEY_BANKS;
  localparam int VALUE_BANKS = `VITCOD_VALUE_BANKS;
  localparam int OUTPUT_BANKS = `VITCOD_OUTPUT_BANKS;
  localparam int BANK_BYTES = 8;  // of a bank per cycle, each way
  localparam int INDEX_WORDS = `VITCOD_INDEX_SIZE / 4;  // of a half, 2 bytes each
  localparam int INDEX_CHUNK = 64;  // bytes that arrive at a time
  localparam int RATE_BYTES = `VITCOD_MEMORY_BYTES;  // in so many cycles:
  localparam int RATE_CYCLES = `VITCOD_MEMORY_CYCLES;
  localparam int ROWS = `VITCOD_MOST_QUERIES;  // of a tile, at most
  localparam int KEYS = `VITCOD_MOST_KEYS;
  localparam int SUMMARIES = `VITCOD_MOST_SUMMARIES > 0 ? `VITCOD_MOST_SUMMARIES : 1;
  localparam int WORDS = (`VITCOD_MOST_DIM + MACS - 1) / MACS;  // of a token
  localparam int WIDTH = WORDS * MACS;

  typedef logic [15:0] count_t;
  typedef logic [31:0] time_t;  // cycles since the layer began
  typedef logic [8*MACS-1:0] word_t;  // what a line multiplies in a cycle

  typedef enum logic [1:0] {QUERY, KEY, VALUE, INDEX} buffer_t;

  // A tile of a head on the lines.
  typedef struct packed {
    logic sums;  // SpMM, otherwise SDDMM
    count_t head, query_first, query_end, key_first, key_end;
    count_t global_end, sparser_end;  // keys of the sparser part lie between
    logic first, last;  // of the step's tiles of keys
    count_t step;
    count_t loads;  // so many must be complete before the phase is over
    count_t query_load, key_load, index_load, value_load;
    logic query_half, key_half, index_half, value_half;  // of their scratchpads
    count_t denser_lines;
    count_t sparser_visits;
    logic means, adds;  // makes the mean of values; adds it to rows (D17)
    count_t globals;  // of the head
  } phase_t;

  // A load: rows of a tensor into a half of a scratchpad; of indices chunks.
  typedef struct packed {
    buffer_t buffer;
    logic half;
    logic [31:0] address;  // of its first row in the tensor, in rows; of indices in words
    logic [31:0] row_bytes, bytes;
    count_t after;  // phases that must be over
  } load_t;

  // What a line begins in a cycle: one entry.
  typedef struct packed {
    logic valid;
    logic sums;
    logic clear, last;  // the first and the last entry of a visit
    count_t cycles, words;  // that it takes, of which so many with products
    logic half;  // of the scratchpad of the query or value
    count_t token;  // its row in that half
    logic key_half;
    count_t key;
    logic step;  // which of the two in flight
    count_t row, slot;  // of the score or probability
    logic biased;  // the score of a summary begins with a bias
    count_t bias;
    logic mean_in, mean_out;  // for the sum of all values; their mean as one more entry
  } work_t;
endpackage
