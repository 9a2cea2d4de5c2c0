/* What results say of a plan. */
#ifndef VITCOD_PLAN_SUMMARY_H
#define VITCOD_PLAN_SUMMARY_H

#include <stdio.h>

#include "vitcod/plan.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_plan_globals {
    int32_t *of_heads; /* (heads) */
    size_t heads;
} vc_plan_globals;

typedef struct vc_plan_summary {
    const char *method;             /* vc_plan_method */
    vc_plan_globals *global_tokens; /* (layers) */
    size_t layers;
    uint64_t kept, kept_denser, kept_sparser; /* entries of all heads */
    double kept_share;                        /* with the scores of the summaries */
    bool has_summaries;
    size_t *summaries, summary_layers; /* (layers), how many */
    uint64_t threshold, queries;       /* of the first layer */
    bool reordered;
    char plan_hash[VC_PLAN_HASH_TEXT];
} vc_plan_summary;

extern const vc_record vc_plan_summary_record;

/* Global tokens by layer and head, and what is kept. */
void vc_plan_summary_print(FILE *out, const vc_plan_summary *summary);

/* Released by vc_record_free. */
vc_status vc_plan_summarize(vc_plan_summary *out, const vc_plan *plan);

#ifdef __cplusplus
}
#endif

#endif
