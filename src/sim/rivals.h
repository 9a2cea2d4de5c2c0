/* Rivals' attention: blocks, and what runs them (docs/simulator.md, part E). */
#ifndef VC_RIVALS_H
#define VC_RIVALS_H

#include "chip_impl.h"

/* A head's attention for some queries. Cycles are those of all lines together. */
typedef struct vc__block {
    size_t head;
    vc_chip_unit unit;
    uint64_t queries, entries;                     /* of the head; scores behind softmax */
    uint64_t bytes[VC_BUFFER_COUNT], stored_bytes; /* from and to the memory */
    uint64_t reads[VC_BUFFER_COUNT];               /* bytes from the scratchpads */
    uint64_t additions;                            /* of 32-bit sums in the output scratchpad */
    uint64_t predict, score, sum;                  /* cycles; sum 0: done beside the scores */
    uint64_t predicted_macs, predictions,
        macs[2];            /* of scores and of sums; predictions: per MAC and cycle */
    uint64_t softmax;       /* cycles of the unit, all rows */
    uint64_t select, drain; /* cycles behind softmax */
} vc__block;

/* A dataflow says what the queries [first, end) of a head are as a block. */
typedef void vc__make_block(vc__block *out, const vc__chip_layer *attention, size_t head,
                            size_t first, size_t end);

/* What a dataflow computes of a layer, and how it makes its blocks. */
typedef struct vc__rival {
    vc__make_block *make;
    size_t heads, queries, keys; /* as many as it computes */
    uint64_t value_bytes;
} vc__rival;

#define VC__HBM2_PJ_PER_BIT 3.9 /* Accelergy */

/* VC_EINVAL where an array of so many MACs is none, or has more than the lines. */
vc_status vc__check_array(const vc_chip_config *config, uint64_t macs);

vc_status vc__rival_run(vc__chip_layer *attention, const vc__rival *rival);

#endif
