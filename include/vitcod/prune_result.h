/* What pruning came to, as results have it. */
#ifndef VITCOD_PRUNE_RESULT_H
#define VITCOD_PRUNE_RESULT_H

#include <stdbool.h>
#include <stdio.h>

#include "vitcod/prune.h"
#include "vitcod/record.h"
#include "vitcod/summaries.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_group_sparsity {
    char group[32];
    double sparsity;
} vc_group_sparsity;

typedef struct vc_prune_result {
    const char *mask; /* file or folder, or */
    const char *plan; /* file, with summaries */
    char summaries[VC_SUMMARY_TEXT], plan_hash[VC_PLAN_HASH_TEXT];
    const char *rule;
    bool class_token_kept, rounded; /* float64 maps that float32 does not hold */
    double info;                    /* NAN where each group has its own cut */
    const double *cuts;             /* (cut_count) in the place of info */
    size_t cut_count;
    double sparsity, kept_share;
    uint64_t kept;
    const char *ties; /* NULL, and VC_NO_COUNT, of rules that nothing is searched or sorted by */
    uint64_t tied_rows, empty_rows;
    vc_group_sparsity *groups, group_room[VC_MOST_GROUPS]; /* groups with a name */
    size_t group_count;
} vc_prune_result;

extern const vc_record vc_prune_result_record;

/* `cuts` (cut_count): those that were asked for, which must stay as long as the result, as must
 * `mask` and the name of the rule. */
void vc_prune_result_of(vc_prune_result *out, const vc_mask_set *set,
                        const vc_prune_options *options, const vc_prune_report *report,
                        const char *mask, const double *cuts, size_t cut_count);

/* The same of a plan with summaries, or, where `plan` is NULL, of masks alone, which were made by a
 * rule that shares a budget out. */
void vc_prune_result_shared(vc_prune_result *out, const vc_mask_set *set, const vc_plan *plan,
                            const char *rule, const char *summaries, const char *path);

void vc_prune_result_print(FILE *out, const vc_prune_result *result);

#ifdef __cplusplus
}
#endif

#endif
