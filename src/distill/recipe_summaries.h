/* The summaries that a recipe asks for, out of the statistics. */
#ifndef VC_RECIPE_SUMMARIES_H
#define VC_RECIPE_SUMMARIES_H

#include "vitcod/distill.h"

typedef struct vc__recipe_summaries {
    const vc_summary_stats **layers; /* of each layer; NULL: no summaries. To be freed. */
    double share;                    /* of all scores that are those of summaries */
} vc__recipe_summaries;

/* VC_EINVAL where the summaries alone have more scores than the recipe's sparsity leaves. */
vc_status vc__recipe_summaries_find(vc__recipe_summaries *out, const vc_dense_stats *stats,
                                    const vc_plan_recipe *recipe);

#endif
