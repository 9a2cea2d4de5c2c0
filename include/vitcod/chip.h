/* The ViTCoD accelerator as a timeline: PE lines shared by a denser, a sparser and a linear unit,
 * encoder, decoder, softmax and vector units, double-buffered scratchpads, a memory behind them.
 * Equations and assumptions: docs/simulator.md, part D. All times are cycles of the chip's clock.
 */
#ifndef VITCOD_CHIP_H
#define VITCOD_CHIP_H

#include <stdalign.h>

#include "vitcod/memory.h"
#include "vitcod/plan.h"
#include "vitcod/workload.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How PE lines are shared between the denser and the sparser part of a head. */
typedef enum vc_line_split {
    VC_LINE_SPLIT_KEPT, /* by entries, head by head (ViTCoD's public code) */
    VC_LINE_SPLIT_FIXED /* denser_share of the lines, whatever the head */
} vc_line_split;

/* How attention is computed on the lines: as ViTCoD does, or as a rival (chip_kind.h). */
typedef struct vc_chip_kind vc_chip_kind;

/* The steps of ViTCoD that a chip uses. */
typedef struct vc_chip_steps {
    int prune, reorder, autoencoder;
} vc_chip_steps;

enum { VC_CHIP_OWN_BYTES = 128 };

enum { VC_CHIP_BANK_WIDTH = 8 }; /* bytes per cycle, each way */

typedef struct vc_scratchpad {
    uint64_t bytes, banks; /* each bank serves one line per cycle; 0: one per line */
} vc_scratchpad;

/* How lines of the sparser part read operands of their own. */
typedef enum vc_chip_gather {
    VC_CHIP_GATHER_BANKS,  /* from the bank that has the token, one line after the other */
    VC_CHIP_GATHER_DIVIDED /* as many lines at once as there are banks, without conflicts */
} vc_chip_gather;

/* How softmax takes rows for which K and V of a head would have to come again and again. */
typedef enum vc_chip_softmax {
    VC_CHIP_SOFTMAX_ONLINE, /* part by part, as their scores are there */
    VC_CHIP_SOFTMAX_WHOLE   /* all scores of a row at once */
} vc_chip_softmax;

/* How dense products are cut. */
typedef enum vc_chip_mapping {
    VC_CHIP_MAPPING_PASSES, /* for the fewest passes of weights, and the widest tiles of them */
    VC_CHIP_MAPPING_SEARCH  /* for the fewest cycles by an estimate, among tiles and loop orders */
} vc_chip_mapping;

typedef enum vc_buffer {
    VC_BUFFER_QUERY,
    VC_BUFFER_KEY,
    VC_BUFFER_VALUE,
    VC_BUFFER_INDEX,
    VC_BUFFER_OUTPUT,  /* scores and sums, 32 bit; results waiting to be stored */
    VC_BUFFER_DECODED, /* Q and K of one head, after the decoder */
    VC_BUFFER_COUNT
} vc_buffer;

typedef struct vc_chip_config {
    char name[64];
    double clock_hz;
    uint64_t lines, macs_per_line;
    uint64_t line_latency;      /* from a line's last MAC to its sum in the output scratchpad */
    uint64_t entries_per_visit; /* entries of one column or row that a line takes at a time */
    uint64_t
        entries_per_sum; /* of a row, before its sums go to the output scratchpad; 0: the same */
    uint64_t precision;  /* bits of an operand: 8, 16 or 32; 0: 8 */
    uint64_t batch;      /* images at a time; 0: one */
    uint64_t dispatch;   /* visits that an engine starts per cycle; 0: as many as it has lines */
    const vc_chip_kind *kind;
    alignas(8) unsigned char own[VC_CHIP_OWN_BYTES]; /* the kind's own struct */
    vc_chip_steps steps;
    vc_line_split split;
    double denser_share;
    vc_chip_gather gather;
    int interleave;    /* SDDMM of the next step runs before SpMM of this one */
    int forward;       /* Q, K and V stay on the chip where all of a layer\'s fit */
    int head_parallel; /* all heads that share compressed K are one step */
    vc_chip_softmax softmax;
    vc_chip_mapping mapping;
    uint64_t online_keys; /* of a part of a row; 0: as many as there are lines */
    vc_scratchpad buffers[VC_BUFFER_COUNT];
    uint64_t index_bytes; /* of a row index or a column's length */
    uint64_t encoder_macs, decoder_macs;
    uint64_t softmax_lanes, softmax_latency;
    uint64_t vector_lanes;
    uint64_t linear_rows; /* rows of a product that share the weights that a line holds */
    char file[256];       /* that it was read from, for messages; empty: built in */
    uint64_t buffer_lines[VC_BUFFER_COUNT]; /* lines of the file that describe them */
} vc_chip_config;

vc_chip_config vc_chip_config_default(void);
/* VC_EINVAL, with the name of the member, for values that no chip can have. */
vc_status vc_chip_config_check(const vc_chip_config *config);
uint64_t vc_chip_value_bytes(const vc_chip_config *config); /* of an operand */
/* How many of a line's MACs, which are of 8 bit, a product of its operands takes (eq. D31). */
uint64_t vc_chip_mac_slots(const vc_chip_config *config);
uint64_t vc_chip_images(const vc_chip_config *config); /* of a batch */
uint64_t vc_chip_banks(const vc_chip_config *config, vc_buffer buffer);

typedef enum vc_chip_unit {
    VC_CHIP_UNIT_DENSER,
    VC_CHIP_UNIT_SPARSER,
    VC_CHIP_UNIT_LINEAR,
    VC_CHIP_UNIT_SOFTMAX,
    VC_CHIP_UNIT_ENCODER,
    VC_CHIP_UNIT_DECODER,
    VC_CHIP_UNIT_VECTOR,
    VC_CHIP_UNIT_COUNT
} vc_chip_unit;

/* What a unit does with its time. */
#define VC_SPENT_MAP(X)                                                                            \
    X(BUSY, "busy")                                                                                \
    X(DRAM, "dram")         /* operands are on their way */                                        \
    X(INDEX, "index")       /* indices are */                                                      \
    X(DECODE, "decode")     /* operands are in the decoder */                                      \
    X(SOFTMAX, "softmax")   /* probabilities are not ready */                                      \
    X(BUFFER, "buffer")     /* the output scratchpad waits for the memory, or a bank for lines */  \
    X(DISPATCH, "dispatch") /* other lines start first */                                          \
    X(IMBALANCE, "imbalance") /* other lines are not done yet */                                   \
    X(DRAIN, "drain")         /* the last results leave the chip, or a unit's pipeline */          \
    X(IDLE, "idle")           /* units beside the lines: no work of theirs */

typedef enum vc_spent {
#define VC_SPENT_ENUM(name, text) VC_SPENT_##name,
    VC_SPENT_MAP(VC_SPENT_ENUM)
#undef VC_SPENT_ENUM
        VC_SPENT_COUNT
} vc_spent;

const char *vc_spent_name(vc_spent spent);
const char *vc_chip_unit_name(vc_chip_unit unit);
const char *vc_buffer_name(vc_buffer buffer);

/* What was counted. The three units made of PE lines count cycles of single lines; added up, these
 * are lines times cycles. The cycles of every other unit add up to the cycles of the run. */
typedef struct vc_chip_counts {
    uint64_t cycles;
    uint64_t macs, coder_macs; /* of the lines; of encoder and decoder */
    uint64_t predicted_macs;   /* of the lines, for predictions in low precision */
    uint64_t spent[VC_CHIP_UNIT_COUNT][VC_SPENT_COUNT];
    uint64_t loaded_bytes[VC_BUFFER_COUNT], stored_bytes; /* between memory and scratchpads */
    uint64_t bias_bytes;                                  /* loaded, of summaries */
    uint64_t weight_bytes;                                /* loaded for products and coders */
    uint64_t input_bytes;                                 /* activations loaded for products */
    uint64_t read_bytes[VC_BUFFER_COUNT], written_bytes[VC_BUFFER_COUNT]; /* of scratchpads */
    uint64_t exponentials, multiplications, additions; /* of softmax and vector unit */
} vc_chip_counts;

void vc_chip_counts_add(vc_chip_counts *sum, const vc_chip_counts *counts);

/* The memory's energy: of commands, and of standby, which is time's. */
typedef struct vc_chip_memory_pj {
    double access, standby;
} vc_chip_memory_pj;

/* One operator of one layer. SDDMM, softmax and SpMM of a layer overlap and are one stage. */
typedef struct vc_chip_stage {
    vc_op_kind kind; /* VC_OP_SDDMM for all of attention */
    int layer;
    uint64_t start;
    vc_chip_counts counts;
    vc_chip_memory_pj memory; /* from its begin to its end; those of all stages are the whole */
} vc_chip_stage;

/* A span of a trace: a name on a track, from start to end. */
typedef struct vc_chip_span {
    const char *track, *name;
    int layer, head; /* -1: none */
    uint64_t start, end;
} vc_chip_span;

typedef void vc_chip_watch(void *context, const vc_chip_span *span);

/* How softmax takes rows: in so many parts of keys, in the plan's order, whose edges are multiples
 * of `unit`, part i from unit * (units * i / count) on. 1, 1: whole. */
typedef struct vc_key_parts {
    size_t count, unit;
} vc_key_parts;

/* The int8 operands of one layer's attention, and memory for its result. */
typedef struct vc_chip_values {
    const int8_t *q, *k, *v; /* (H, Tq, D), (H, Tk, D), (H, Tk, Dv) in original token order */
    float score_scale;       /* softmax takes score x score_scale; includes 1/sqrt(D) */
    int32_t *out;            /* (H, Tq, Dv): sums of probability (0..255) x value */
    uint64_t lost_score;     /* 0; in tests: a score, from 1, that the schedule loses */
    float pool_scale; /* of a pooling's query times K, likewise; not used without such queries */
    vc_key_parts *key_parts; /* NULL, or what the chip did, on which integers depend */
} vc_chip_values;

typedef struct vc_chip_options {
    const vc_chip_config *config;
    const vc_memory_config *memory;
    int attention_only;
    const vc_chip_values *values;   /* (layers) or NULL: data flows through the schedule */
    struct vc_rtl_vectors *vectors; /* where it is kept for RTL (rtl.h), with values; or NULL */
    vc_chip_watch *watch;           /* NULL: nobody looks */
    void *watcher;
    vc_dram_request_watch *request_watch; /* NULL: nobody looks */
    void *request_watcher;
    vc_dram_watch *command_watch; /* NULL: nobody looks */
    void *command_watcher;
} vc_chip_options;

typedef struct vc_chip_result {
    vc_chip_counts total;
    vc_chip_stage *stages;
    size_t stage_count;
    vc_memory_counters memory;
} vc_chip_result;

/* Simulates a workload whose attention follows `plan` (NULL: dense). VC_EINVAL if a tile of one row
 * does not fit a scratchpad; the message names the scratchpad; or if the workload is not of as many
 * images as the chip's batch. */
vc_status vc_chip_simulate(vc_chip_result *out, const vc_workload *workload, const vc_plan *plan,
                           const vc_chip_options *options);
void vc_chip_result_close(vc_chip_result *result);

/* What a chip uses of a plan, given its steps: NULL if it prunes nothing, `plan` itself, or, if it
 * does not reorder, the same mask with tokens in their own order and none of them global. A kind
 * that takes no summaries gets the plan without. What is not `plan` itself is made in `room`, which
 * the caller closes in any case. */
vc_status vc_chip_plan(const vc_plan **out, vc_plan *room, const vc_chip_config *config,
                       const vc_plan *plan);
/* What results say of a plan's summaries on this chip: "computed", or "left out: " and what is
 * computed instead. NULL if the plan has none. */
const char *vc_chip_summaries(const vc_chip_config *config, const vc_plan *plan);

/* The result that the chip should give: the same integers, computed by plain loops. out (H, Tq,
 * Dv); pruned (H, Tq, Tk) or NULL. Of `plan` (NULL: none) only summaries are used. */
vc_status vc_quantized_attention(int32_t *out, const vc_attention_sizes *sizes,
                                 const vc_chip_values *values, const uint8_t *pruned,
                                 const vc_plan_layer *plan);

#ifdef __cplusplus
}
#endif

#endif
