/* The order in which a layer's attention is computed: tiles, loads and phases. It is fixed before
 * the layer starts. */
#ifndef VC_ATTENTION_SCHEDULE_H
#define VC_ATTENTION_SCHEDULE_H

#include "chip_impl.h"

enum { VC__SLOTS = 2, VC__NO_LOAD = -1 };

/* A load from memory into one of the two slots of a scratchpad. */
typedef struct vc__load {
    vc_buffer buffer;
    size_t slot, group; /* of heads that share what is stored */
    size_t first, rows; /* tokens */
    uint64_t bytes;
    size_t after; /* phases that must be over, as they use the old content */
    vc_transfer transfer;
    int waited_for;
} vc__load;

typedef struct vc__phase {
    int spmm; /* 0: SDDMM */
    vc__chip_tile tile;
    size_t step;                      /* its heads and queries have their scores on the chip */
    int first, last;                  /* of the keys of its head in its step */
    int64_t query, key, index, value; /* loads, or VC__NO_LOAD */
} vc__phase;

typedef struct vc__schedule {
    vc__phase *phases;
    vc__load *loads; /* in the order in which they are needed */
    size_t phase_count, load_count;
    size_t heads_per_step, queries_per_tile, keys_per_tile; /* at most */
    uint64_t token_bytes[2];                                /* of stored Q and K */
    uint64_t bias_bytes; /* of summaries, behind each stored query */
} vc__schedule;

vc_status vc__schedule_open(vc__schedule *out, const vc__chip_layer *attention);
void vc__schedule_close(vc__schedule *schedule);

#endif
