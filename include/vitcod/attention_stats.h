/* Attention averaged over images: the statistics ViTCoD prunes from. */
#ifndef VITCOD_ATTENTION_STATS_H
#define VITCOD_ATTENTION_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_attention_stats {
    size_t layers, heads, queries, keys;
    uint64_t images;
    double *sum; /* (L, H, Tq, Tk) */
} vc_attention_stats;

vc_status vc_attention_stats_open(vc_attention_stats *out, size_t layers, size_t heads,
                                  size_t queries, size_t keys);
void vc_attention_stats_close(vc_attention_stats *stats);

/* Adds a batch of one layer's softmax output (B, H, Tq, Tk), image by image, so that the sum
 * depends neither on the batch size nor on threads. Images are counted when layer 0 is added. */
void vc_attention_stats_add(vc_attention_stats *stats, size_t layer, const float *probs,
                            size_t batch);

/* The same with sums (H, Tq, Tk) over `images` images. */
void vc_attention_stats_add_sums(vc_attention_stats *stats, size_t layer, const float *sums,
                                 size_t images);

/* out (L, H, Tq, Tk); at least one image must have been added. */
void vc_attention_stats_mean(float *out, const vc_attention_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
