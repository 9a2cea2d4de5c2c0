/* Shared by the files of the pruning rules. */
#ifndef VC_PRUNE_IMPL_H
#define VC_PRUNE_IMPL_H

#include "vitcod/prune.h"

/* A rule makes a mask from one map and a strength. */
typedef struct vc_prune_rule {
    const char *name;
    /* `order` (Tk) is scratch memory for ordering a row. Writes pruned (Tq, Tk). */
    void (*prune)(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                  double strength);
    double loosest, strictest; /* strengths between which bisection searches */
    int of_scores; /* 1: the strength is a score, and the highest score is a strict one */
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
