/* Attention of rivals: their blocks, and how blocks are run (docs/simulator.md, part E). */
#ifndef VC_RIVALS_H
#define VC_RIVALS_H

#include "chip_impl.h"

/* What lines do of a block, one after the other. */
typedef enum vc__rival_step { VC__PREDICT, VC__SCORE, VC__SUM, VC__RIVAL_STEPS } vc__rival_step;

/* The attention of some queries of a head. Cycles are those of all lines together. */
typedef struct vc__block {
    size_t head;
    vc_chip_unit unit;
    /* queries of the head; scores that softmax gets */
    uint64_t queries, entries;
    uint64_t bytes[VC_BUFFER_COUNT], stored_bytes;    /* from and to the memory */
    uint64_t reads[VC__RIVAL_STEPS][VC_BUFFER_COUNT]; /* bytes from the scratchpads */
    uint64_t additions[VC__RIVAL_STEPS];              /* of 32-bit sums in the output scratchpad */
    /* cycles; of sums 0: at the same time as the scores */
    uint64_t cycles[VC__RIVAL_STEPS];
    /* cycles with what the array waits for ports; less than that: as all bytes together take */
    uint64_t ported[VC__RIVAL_STEPS];
    uint64_t predicted_macs, predictions,
        macs[2];      /* of scores and of sums; predictions: per MAC and cycle */
    int values_first; /* 1: scores want V as well as Q and K */
    uint64_t vector_additions, vector_multiplications; /* beside those of softmax and sums */
    uint64_t softmax;                                  /* cycles of the unit, all rows */
    uint64_t select, drain;                            /* cycles after softmax */
} vc__block;

/* Makes a block of the queries [first, end) of a head. */
typedef void vc__make_block(vc__block *out, const vc__chip_layer *attention, size_t head,
                            size_t first, size_t end);

/* What a rival computes of a layer, and how it makes blocks. */
typedef struct vc__rival {
    vc__make_block *make;
    size_t heads, queries, keys; /* as many as it computes */
    uint64_t value_bytes;
    uint64_t held_bytes; /* of the output scratchpad, for all blocks */
    int no_scores;       /* 1: rows keep none */
    int predicts_apart;  /* 1: predictions have MACs of their own, beside the block before */
} vc__rival;

#define VC__HBM2_PJ_PER_BIT 3.9 /* Accelergy */

/* A rival's arrays read tokens in their order, evenly from all banks, and take turns at these (eq.
 * E4). */
#define VC__RIVAL_BANKED                                                                           \
    (1u << VC_BUFFER_QUERY | 1u << VC_BUFFER_KEY | 1u << VC_BUFFER_VALUE | 1u << VC_BUFFER_OUTPUT)

/* What only the lines of ViTCoD's dataflow know. */
#define VC__RIVAL_UNUSED                                                                           \
    "entries_per_visit", "entries_per_sum", "dispatch", "split", "denser_share", "gather",         \
        "forward", "head_parallel", "softmax", "online_keys", "index_size", "encoder_macs",        \
        "precision", "decoder_macs"

/* VC_EINVAL if an array of this many MACs is empty or larger than all lines. */
vc_status vc__check_array(const vc_chip_config *config, uint64_t macs);

vc_status vc__rival_run(vc__chip_layer *attention, const vc__rival *rival);

#endif
