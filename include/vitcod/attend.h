/* Attention for inference, one kernel for every sparsity. A head is split once, when its mask is known: keys
 * that most queries want stand in a panel, which all queries see as small dense products; what is kept of
 * the other keys is listed per query (ViTCoD, HPCA 2023, section IV-B). A head without a mask is a panel of
 * all keys. The split does not change the result beyond rounding; it is chosen by what entries cost.
 *
 * Scores are logarithms to base 2: 1 / sqrt(head_dim) and log2(e) belong into the weights of Q, and log2(e)
 * into the bias, before it comes here. */
#ifndef VITCOD_ATTEND_H
#define VITCOD_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/pattern.h"

enum { VC_ATTEND_PHASES = 3 /* scores, softmax, output */ };

typedef struct vc_attend_head {
    size_t panel_count;        /* keys in the panel */
    const int32_t *panel_keys; /* (panel_count) which; NULL: all, in order */
    const int32_t
        *panel_place; /* (Tk) where a key stands there, -1: nowhere; NULL: at its own index */
    /* (Tq, ceil(panel_count / 16)) bit i of a word: the query sees key i of 16; NULL: it sees all */
    const uint16_t *panel_kept;
    const float *panel_bias;  /* (Tq, panel_count rounded up to 16) or NULL */
    const int32_t *row_start; /* (Tq + 1) of the sparser part; NULL: there is none */
    const int32_t *row_keys;  /* (row_start[Tq]) */
    const float *row_bias;    /* (row_start[Tq]), readable 16 values beyond, or NULL */
    size_t panel_start;       /* floats, of this head in an image's panels */
    size_t kept;              /* entries that are kept */
    /* (Tq) shares of a residual (residual.h), which whoever runs the kernel adds; NULL: none; not owned */
    const float *kept_share;
} vc_attend_head;

typedef struct vc_attend_layer {
    size_t heads, queries, keys, head_dim, value_dim;
    int bf16;            /* panels hold K and V in bfloat16, as attend_rows_bf16 reads them */
    size_t panel_floats; /* all panels of one image */
    vc_attend_head *head;
    void *memory;
} vc_attend_layer;

/* How heads are split: by cost, or for comparison all keys in the panel. */
typedef enum vc_attend_split { VC_SPLIT_BY_COST, VC_SPLIT_DENSE } vc_attend_split;

/* pruned (H, Tq, Tk), nonzero = pruned, and bias (H, Tq, Tk) may be NULL; no row may be pruned altogether.
 * `layer` has its sizes and `bf16` set; that wants a head_dim and a value_dim of whole 16s. */
vc_status vc_attend_layer_open(vc_attend_layer *layer, const uint8_t *pruned, const float *bias,
                               vc_attend_split split);
void vc_attend_layer_close(vc_attend_layer *layer);

/* Puts tokens `first` to first + count - 1 into an image's panels. k and v are those of the first head and of token
 * `first`. A head's panel holds K, (blocks of 16 keys, head_dim, 16). With bf16 two values of a key lie side by side,
 * (blocks of 16 keys, head_dim / 2, 16, 2), and V follows, (keys / 2, value_dim, 2); the first pack must find it zeroed. */
void vc_attend_pack(float *panels, const vc_attend_layer *layer, const float *k, const float *v,
                    size_t stride, size_t first, size_t count);

/* One head of one image. */
typedef struct vc_attend_view {
    const vc_attend_head *head;
    size_t head_dim, value_dim;
    const float *q, *k, *v; /* k, v: of token 0 */
    size_t q_stride, k_stride, v_stride;
    const float *panel;
    uint64_t *
        ticks; /* (VC_ATTEND_PHASES) what the counter of cycles went on by is added; NULL: nothing is read.
                        The plain C kernel leaves it alone */
} vc_attend_view;

#endif
