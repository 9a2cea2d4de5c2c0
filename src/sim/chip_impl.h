/* Shared by the files of the chip. */
#ifndef VC_CHIP_IMPL_H
#define VC_CHIP_IMPL_H

#include "lines.h"
#include "vitcod/pattern.h"

enum {
    VC__SUMMARY_BYTES = 2 /* of a summary's bias, and of a weight of the pooling (eq. D18) */
};

/* ---- kinds of chips: chips/NAME.c each (chip_kinds.c has the list) */

extern const vc_chip_kind vc__kind_vitcod; /* of vc_chip_config_default */

/* Rows of a table of fields. `name` is the key in files, `text` the name in results. */
#define VC__COUNT_FIELD(type, member, name, text, low, high, what)                                 \
    {                                                                                              \
        {.key = name,                                                                              \
         .kind = VC_YAML_COUNT,                                                                    \
         .offset = offsetof(type, member),                                                         \
         .least = low,                                                                             \
         .most = high},                                                                            \
            text, what                                                                             \
    }
#define VC__BYTES_FIELD(type, member, name, text, low, high, what)                                 \
    {                                                                                              \
        {.key = name,                                                                              \
         .kind = VC_YAML_COUNT,                                                                    \
         .offset = offsetof(type, member),                                                         \
         .unit = VC_UNIT_BYTES,                                                                    \
         .least = low,                                                                             \
         .most = high},                                                                            \
            text, what                                                                             \
    }
#define VC__SHARE_FIELD(type, member, name, what)                                                  \
    {                                                                                              \
        {.key = name, .kind = VC_YAML_NUMBER, .offset = offsetof(type, member), .most = 1}, name,  \
            what                                                                                   \
    }
#define VC__FLAG_FIELD(type, member, name, what)                                                   \
    {                                                                                              \
        {.key = name, .kind = VC_YAML_FLAG, .offset = offsetof(type, member)}, name, what          \
    }

/* The fields of a scratchpad (vc_scratchpad). */
const vc_chip_field *vc__scratchpad_fields(size_t *count);

/* ---- the machine: times of lines, units and memory */

typedef struct vc__machine {
    const vc_chip_config *config;
    vc_memory *memory;
    uint64_t now;                           /* from when on the PE lines are free */
    uint64_t unit_free[VC_CHIP_UNIT_COUNT]; /* the same for the other units */
    uint64_t read_issue;                    /* when the latest read was issued */
    uint64_t write_issue;
    uint64_t address;      /* the first that no tensor uses yet */
    vc_chip_counts counts; /* of the stage that is running */
    const vc_chip_options *options;
    int layer;
    vc__banks banks;
    int failed; /* out of memory for them */
    uint64_t round_room[2][VC__MOST_LINES];
} vc__machine;

/* Cycles of a line for `values` products; and when each line reads its own, as fast as the
 * scratchpad can serve all lines, where conflicts are not followed (eq. D1). */
uint64_t vc__entry_cycles(const vc_chip_config *config, uint64_t values);
uint64_t vc__gather_cycles(const vc_chip_config *config, vc_buffer from, uint64_t values);
/* Cycles in which all banks of a scratchpad give or take so many bytes. */
uint64_t vc__move_cycles(const vc_chip_config *config, vc_buffer buffer, uint64_t bytes);
/* What a line reads that has operands of its own: from when on it has the token. */
static inline uint64_t vc__gather(vc__machine *m, uint64_t *spent, uint64_t now, uint64_t time,
                                  size_t token)
{
    if (m->config->gather != VC_CHIP_GATHER_BANKS || vc__banks_append(&m->banks, time, token))
        return time;
    const uint64_t start = vc__banks_read(&m->banks, now, time, token);
    m->failed |= start == UINT64_MAX;
    return m->failed ? time : vc__wait(spent, time, start, VC_SPENT_BUFFER);
}

void vc__span(const vc__machine *m, const char *track, const char *name, int head, uint64_t start,
              uint64_t end);

/* Fails with VC_EINVAL because a scratchpad is too small for `what`, which has this many bytes. The
 * message names file, line and key. */
vc_status vc__does_not_fit(const vc__machine *m, vc_buffer buffer, uint64_t bytes,
                           const char *what);

/* ---- transfers (transfers.c): reads and writes are each served in the order of issue */

void vc__read(vc__machine *m, vc_transfer *transfer, uint64_t issue);
void vc__write(vc__machine *m, vc_transfer *transfer, uint64_t issue);

/* ---- units beside the lines (units.c) */

/* Occupies a unit for `cycles` with something that is available at `ready`. Returns when it is
 * done. */
uint64_t vc__unit_work(vc__machine *m, vc_chip_unit unit, uint64_t ready, uint64_t cycles);

/* Lets all lines wait until `until`, if that is later than now. The time is counted for the unit
 * and the cause. */
void vc__lines_idle(vc__machine *m, uint64_t until, vc_chip_unit unit, vc_spent cause);

/* ---- one head's attention as the chip sees it: a pattern in the plan's order (pattern_ranges.c)
 */

/* The part of a column whose rows are in [first, end), as positions in the sparser part. */
typedef struct vc__range {
    size_t first, end;
} vc__range;
vc__range vc__column_entries(const vc_pattern_head *head, size_t key, size_t first, size_t end);
vc__range vc__row_entries(const vc_pattern_head *head, size_t query, size_t first, size_t end);
/* How many entries of a row a head computes: those of the panel and its own in the sparser part. */
uint64_t vc__kept_in_row(const vc_pattern_head *head, size_t query);

/* ---- int8 data on its way through (quantized.c, pooled.c) */

/* Softmax over integers: begun with INT32_MIN and 0, it sees all scores, then adds up all powers.
 * The order does not matter. A share is that of `whole`. */
typedef struct vc__softmax {
    float scale;
    int32_t highest;
    int64_t sum;
} vc__softmax;
void vc__softmax_see(vc__softmax *softmax, int32_t score);
int64_t vc__softmax_power(const vc__softmax *softmax, int32_t score);
int32_t vc__softmax_share(const vc__softmax *softmax, int32_t score, int32_t whole);
/* What a row's probabilities add up to; the rest is the probability of the mean of all values (eq.
 * D23). kept_share (Tq), by original number, or NULL. */
int32_t vc__whole(const float *kept_share, size_t query);

enum { VC__NOT_SEEN = INT32_MIN };

typedef struct vc__summaries {
    size_t count;
    int32_t *bias; /* (H, Tq, G), of scores; or VC__NOT_SEEN */
    int8_t *k, *v; /* (H, G, D), (H, G, Dv) */
} vc__summaries;

/* `pooling` NULL: none. */
vc_status vc__summaries_open(vc__summaries *out, const vc_attention_sizes *sizes,
                             const vc_chip_values *values, const vc_pooling *pooling,
                             const float *bias);
void vc__summaries_close(vc__summaries *summaries);

typedef struct vc__flow vc__flow; /* of one layer */

vc_status vc__flow_open(vc__flow **out, const vc_attention_sizes *sizes, const vc_pattern *pattern,
                        const vc_chip_values *values);
void vc__flow_close(vc__flow *flow);
/* Computes a score of the panel (at position query x panel_count + key) or of the sparser part. */
void vc__flow_score_panel(vc__flow *flow, size_t head, size_t query, size_t key);
void vc__flow_score_entry(vc__flow *flow, size_t head, size_t entry, size_t query, size_t key);
void vc__flow_softmax(vc__flow *flow, size_t head, size_t query);
void vc__flow_sum_panel(vc__flow *flow, size_t head, size_t query, size_t key);
void vc__flow_sum_entry(vc__flow *flow, size_t head, size_t entry, size_t query, size_t key);

/* Adds a value to the sum of its head's, and the mean to a query's result. */
void vc__flow_sum_mean(vc__flow *flow, size_t head, size_t key);
void vc__flow_add_mean(vc__flow *flow, size_t head, size_t query);

/* ---- phases of the lines */

/* A tile of a head: queries x keys. */
typedef struct vc__chip_tile {
    size_t head;
    size_t query_first, query_end, key_first, key_end;
} vc__chip_tile;

/* The columns of the sparser part of the tile that was asked for last. */
typedef struct vc__columns {
    vc__chip_tile tile;
    vc__range *of; /* (keys) */
} vc__columns;

typedef struct vc__chip_layer {
    vc__machine *machine;
    vc_attention_sizes sizes;
    vc_pattern pattern;
    size_t keys;             /* with summaries, which are rows of K and V behind the tokens' */
    vc__flow *flow;          /* NULL: only time */
    vc_key_parts *key_parts; /* NULL, or what the schedule says of rows in parts */
    vc__columns *columns;
} vc__chip_layer;

/* The keys of a tile: first to global_end - 1 are global, then come those of the sparser part to
 * sparser_end - 1, and summaries, which belong to the denser part, to the tile's end. */
typedef struct vc__key_parts {
    size_t global_end, sparser_end;
    size_t panel; /* keys of the denser part */
} vc__key_parts;
vc__key_parts vc__parts_of(const vc__chip_layer *layer, const vc__chip_tile *tile);
/* The entries that each column of the tile's sparser part has in it, by key. */
const vc__range *vc__tile_columns(const vc__chip_layer *layer, const vc__chip_tile *tile);
/* How many entries of a row are in the tile. */
uint64_t vc__kept_in_tile(const vc__chip_layer *layer, const vc__chip_tile *tile, size_t query);
/* The key at a place among those of the tile's denser part. */
static inline size_t vc__panel_key(const vc__key_parts *parts, const vc__chip_tile *tile,
                                   size_t place)
{
    const size_t globals = parts->global_end - tile->key_first;
    return place < globals ? tile->key_first + place : parts->sparser_end + place - globals;
}

/* The same as vc__flow_softmax of a tile's keys of a row (eq. D26), whose sums are then scaled to
 * the highest score so far and, in the end, by the sum of all powers. Two parts are under way. */
void vc__flow_soften(vc__flow *flow, const vc__chip_tile *tile, const vc__key_parts *keys,
                     size_t query, size_t part);
void vc__flow_rescale(vc__flow *flow, size_t head, size_t query, size_t part);
void vc__flow_finish(vc__flow *flow, size_t head, size_t query);

/* QK^T of a tile with K stationary (sddmm.c, eq. D4 to D6). done[query - query_first] becomes the
 * time at which all scores of a row are complete, if that is later. `index` holds when the indices
 * of a column are there. */
vc_status vc__sddmm(vc__chip_layer *a, const vc__chip_tile *tile, const vc__operand *q,
                    const vc__operand *k, const uint64_t *index, uint64_t *done);
/* SV with the output stationary (spmm.c, eq. D8). Rows come in `order`; ready[query - query_first]
 * is when the probabilities of a row are there. */
vc_status vc__spmm(vc__chip_layer *a, const vc__chip_tile *tile, const size_t *order,
                   const uint64_t *ready, const vc__operand *v);

/* order[] (rows) by time[], equal times by row; spare[] (rows). */
void vc__order_rows(size_t *order, size_t *spare, const uint64_t *time, size_t rows);

/* Softmax of a tile's rows (softmax_rows.c), which are put into the order in which they are
 * complete: done[] was when, and becomes when their probabilities are there (eq. D9). */
typedef struct vc__softened {
    const vc__chip_tile *tile;
    size_t *order, *spare; /* (rows) */
    uint64_t *done;        /* (rows) */
    uint64_t *scaled;      /* when the second pass is free */
    size_t part;           /* online: its number; of each row the tile has one (eq. D26) */
    int online;
} vc__softened;
void vc__soften_rows(vc__chip_layer *layer, const vc__softened *rows);
/* Scales the sums of rows before those of the tile are added; they may be from `place` on. */
void vc__rescale_rows(vc__chip_layer *layer, const vc__softened *rows, uint64_t place);
/* Divides all sums by those of powers. Returns when that is done. */
uint64_t vc__finish_rows(vc__chip_layer *layer, const vc__softened *rows);

/* How many of the lines the denser part of so much work gets, beside so much of the sparser (eq.
 * D3). */
vc_status vc__split_lines(size_t *denser, const vc__machine *m, const vc__chip_tile *tile,
                          uint64_t denser_work, uint64_t sparser_work);

/* ---- stages */

/* A layer's attention, as the chip's kind computes it. */
vc_status vc__layer_run(vc__machine *m, const vc_attention_sizes *sizes, const vc_plan_layer *plan,
                        const vc_chip_values *values);
/* ViTCoD's way (attention_run.c): a schedule that is known beforehand, phase by phase. */
vc_status vc__schedule_run(vc__chip_layer *layer);
/* Pooling behind the product that makes K and V (pool_run.c, eq. D20, D21). */
typedef struct vc__pool {
    vc__machine *m;
    const vc_pooling *pooling; /* NULL: nothing is pooled, and the rest is 0 */
    const vc_attention_sizes *sizes;
    /* of the product's outputs those from here on are K and V, and how many all are */
    uint64_t from, outputs;
    uint64_t width;   /* values of a summary as it is stored */
    uint64_t weighed; /* when the weights of heads that are complete are there */
    uint64_t scaled;  /* when softmax's second pass is free */
} vc__pool;
/* Tokens and outputs of a tile of the product. */
typedef struct vc__product_tile {
    uint64_t first, rows, before, after;
} vc__product_tile;
/* Bytes of scratchpads that pooling occupies while the product runs; bytes of all summaries as they
 * are stored. 0 if nothing is pooled. */
uint64_t vc__pool_bytes(const vc__pool *pool);
uint64_t vc__pool_stored(const vc__pool *pool);
/* Pools what is in a tile that the lines made until now, and the encoder until `ready`. */
void vc__pool_tile(vc__pool *pool, const vc__product_tile *tile, uint64_t ready);
/* Rounds the sums, which are complete. Returns when they are there to be stored. */
uint64_t vc__pool_finish(vc__pool *pool);

/* Whether a layer's Q, K and V stay on the chip between the products that make them and attention;
 * and the bytes of one of them, of all images. */
int vc__forwards(const vc_chip_config *config, const vc_attention_sizes *sizes, int pooled);
uint64_t vc__forwarded_bytes(const vc_chip_config *config, const vc_attention_sizes *sizes,
                             vc_buffer buffer);

/* What follows a product as it leaves the lines. */
typedef struct vc__product_tail {
    const vc_attention_sizes *forward; /* of the attention that takes it on the chip; or NULL */
    const vc_op *encode;               /* NULL: no auto-encoder */
    const vc_op *pool;                 /* NULL: no summaries */
    const vc_pooling *pooling;
} vc__product_tail;
vc_status vc__product_run(vc__machine *m, const vc_op *op, const vc__product_tail *tail);

/* ---- keys and banks that would change nothing */

#define VC__IDLE_KEY                                                                               \
    "is not as by default, and the dataflow %s makes no use of it: wanted it left out"
/* A key that is set and has no use; NULL: none. */
const char *vc__idle_key(const vc_chip_config *config);

enum { VC__BANKED_NAMES = 96 };
#define VC__BANKED_WANTED                                                                          \
    "wanted one for each of the %zu lines, or more, as where it is left out: on the dataflow %s "  \
    "lines take turns at %s alone"
vc_buffer vc__idle_banks(const vc_chip_config *config);
const char *vc__banked_names(char text[VC__BANKED_NAMES], const vc_chip_kind *kind);

#endif
