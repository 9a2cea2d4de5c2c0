/* Shared inside the algorithm room. */
#ifndef VC_PRUNE_IMPL_H
#define VC_PRUNE_IMPL_H

#include "vitcod/prune.h"

/* A rule turns one map and a strength into a mask. */
typedef struct vc_prune_rule {
    const char *name;
    /* order (Tk): room to order a row. Writes pruned (Tq, Tk). */
    void (*prune)(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                  double strength);
    double loosest, strictest; /* strengths between which a wanted sparsity is looked for */
    int of_scores; /* a strength is a score: the highest is as strict as the strictest */
} vc_prune_rule;

void vc__prune_info(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                    double cut);
void vc__prune_ratio(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                     double share);
void vc__prune_std(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                   double deviations);
void vc__prune_random(uint8_t *pruned, int32_t *order, const float *map, size_t queries,
                      size_t keys, double share);

void vc__prune_threshold(uint8_t *pruned, int32_t *order, const float *map, size_t queries,
                         size_t keys, double threshold);

#endif
