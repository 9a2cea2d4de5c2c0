/* Shared by the files of the pruning rules. */
#ifndef VC_PRUNE_IMPL_H
#define VC_PRUNE_IMPL_H

#include "vitcod/prune.h"

/* One map to prune. */
typedef struct vc__pruning {
    uint8_t *pruned;  /* (Tq, Tk), written */
    const float *map; /* (Tq, Tk) */
    size_t queries, keys;
    double strength;
    vc_prune_ties ties;
    int32_t *order; /* (Tk): room for ordering a row */
    /* (Tq): rows that are already as they will be, which a rule that orders rows leaves; or NULL */
    const uint8_t *settled;
} vc__pruning;

/* A rule makes a mask from one map and a strength. */
typedef struct vc_prune_rule {
    const char *name, *strength; /* what its strength is */
    void (*prune)(const vc__pruning *p);
    double loosest, strictest; /* strengths between which bisection searches */
    int of_scores;         /* 1: the strength is a score, and the highest score is a strict one */
    int of_ranks;          /* 1: so many of a row are kept, and equal scores may be parted */
    int keeps_class_token; /* in the published code */
} vc_prune_rule;

void vc__prune_info(const vc__pruning *p);
void vc__prune_threshold(const vc__pruning *p);
void vc__prune_ratio(const vc__pruning *p);
void vc__prune_std(const vc__pruning *p);
void vc__prune_random(const vc__pruning *p);

/* Of equal scores the first. */
size_t vc__highest_of(const float *row, size_t keys);

#endif
