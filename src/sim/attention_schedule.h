/* The order in which a layer's attention is computed: tiles, loads and phases. It is fixed before
 * the layer starts. */
#ifndef VC_ATTENTION_SCHEDULE_H
#define VC_ATTENTION_SCHEDULE_H

#include "chip_impl.h"

enum { VC__SLOTS = 2, VC__MOST_SLOTS = 8, VC__NO_LOAD = -1 };

/* A load from memory into a slot of a scratchpad: one of two, or a smaller one of a stream. */
typedef struct vc__load {
    vc_buffer buffer;
    size_t slot, group; /* of heads that share what is stored */
    size_t first, rows; /* tokens */
    uint64_t bytes;
    size_t after; /* phases that must be over, as they use the old content */
    vc_transfer transfer;
    int waited_for;
} vc__load;

typedef enum vc__phase_kind { VC__PHASE_DECODE, VC__PHASE_SDDMM, VC__PHASE_SPMM } vc__phase_kind;

typedef struct vc__phase {
    vc__phase_kind kind;
    vc__chip_tile tile;
    size_t step;       /* its heads and queries have their scores on the chip */
    int first, last;   /* of the keys of its head in its step; of a tile's decoding */
    int opens, closes; /* of all keys of its head */
    int64_t query, key, index, value; /* loads, or VC__NO_LOAD */
} vc__phase;

typedef struct vc__schedule {
    vc__phase *phases;
    vc__load *loads; /* in the order in which they are needed */
    size_t phase_count, load_count;
    size_t heads_per_step, queries_per_tile, keys_per_tile; /* at most */
    size_t parts; /* of a row, each a step of its own; 1: rows are whole */
    size_t key_unit;
    size_t stored[2];        /* tokens of Q and K that a load brings, at most */
    uint64_t token_bytes[2]; /* of stored Q and K */
    uint64_t bias_bytes;     /* of summaries, behind each stored query */
} vc__schedule;

/* How the work is cut into tiles and steps. */
typedef struct vc__tiling {
    const vc__chip_layer *a;
    const vc_chip_config *c;
    size_t heads_per_group[2]; /* that share stored Q, K: all if compressed, else one */
    uint64_t token_bytes[2];   /* of a group; a query's with its biases (eq. D18) */
    uint64_t bias_bytes;       /* of a query, in token_bytes */
    size_t most_queries, most_keys;
    size_t key_tiles, query_tiles;
    size_t key_unit;   /* tiles of keys are multiples of it */
    size_t *query_end; /* (Tq) of each tile */
    size_t stored[2];  /* tokens of a load; compressed ones pass through the decoder in parts */
    size_t slots[2];   /* of the scratchpad; more than two: a stream, read anew for each head */
    int joint;         /* all heads that share K are one step */
    int online;        /* each tile of keys is a step */
} vc__tiling;

/* The caller closes it in any case. VC_EINVAL, with the scratchpad, if a tile of one row does not
 * fit. */
vc_status vc__tiling_open(vc__tiling *out, const vc__chip_layer *attention);
void vc__tiling_close(vc__tiling *tiling);
/* 1 if Q (0) or K (1) has an auto-encoder. */
int vc__coded(const vc__tiling *tiling, int side);
vc__chip_tile vc__tile_of(const vc__tiling *tiling, size_t head, size_t query_tile,
                          size_t key_tile);
size_t vc__keys_per_tile(const vc__tiling *tiling); /* at most */
uint64_t vc__tile_index_bytes(const vc__tiling *tiling, const vc__chip_tile *tile);

vc_status vc__schedule_open(vc__schedule *out, const vc__chip_layer *attention);
/* Keeps what a run, which is over, did with a layer; phase_end (phases). */
vc_status vc__rtl_vectors_add(struct vc_rtl_vectors *vectors, const vc__chip_layer *attention,
                              const vc__schedule *schedule, uint64_t begin,
                              const uint64_t *phase_end);
void vc__schedule_close(vc__schedule *schedule);

#endif
