/* What a recipe comes to, by the statistics: each layer's summaries, and what each head keeps. */
#ifndef VC_RECIPE_SHARE_H
#define VC_RECIPE_SHARE_H

#include "vitcod/distill.h"

typedef struct vc__recipe_share {
    const vc_summary_stats **summaries; /* (layers); NULL: none */
    double share;                       /* of all scores that are those of summaries */
    uint64_t *kept;                     /* (heads of all layers), of curves; NULL: without */
    char text[VC_SUMMARY_TEXT];         /* of the summaries */
} vc__recipe_share;

/* VC_EINVAL where the summaries alone have more scores than the recipe's sparsity leaves, and where
 * the statistics lack what the recipe wants. `path` names them. */
vc_status vc__recipe_share_open(vc__recipe_share *out, const vc_statistics *statistics,
                                const vc_plan_recipe *recipe, const char *path);
void vc__recipe_share_close(vc__recipe_share *share);

#endif
