/* What a model is: sizes, parameters, multiply-adds of one image, its plan. */
#ifndef VITCOD_MODEL_INFO_H
#define VITCOD_MODEL_INFO_H

#include "vitcod/group_files.h"
#include "vitcod/input_info.h"
#include "vitcod/plan_summary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_model_info_attention {
    char group[32];
    size_t layers, heads, queries, keys, head_dim, value_dim, compressed_heads;
    const char *compressed_of;
} vc_model_info_attention;

typedef struct vc_model_info {
    const char *model, *architecture;
    vc_input_info input;
    size_t classes, parameters;
    char known_as[48], guessed[VC_GUESSES_TEXT]; /* empty: nothing */
    uint64_t macs, attention_macs;
    json_t *sizes; /* the family's own */
    vc_model_info_attention attention[VC_MOST_GROUPS], *groups;
    size_t group_count;
    uint64_t macs_by_operator[VC_OP_COUNT];
    json_t *ops; /* every operator, as a workload's file has it */
    bool has_plan, inside;
    vc_plan_summary plan;
} vc_model_info;

extern const vc_record vc_model_info_record;

/* Of a model's config, with attention on a plan or dense (NULL). `name` is what the result calls
 * the model; `inside` says that the plan lies in the model's file. */
vc_status vc_model_info_open(vc_model_info *out, const char *name, const vc_model_config *config,
                             const vc_plan *plan, bool inside);
void vc_model_info_close(vc_model_info *info);

#ifdef __cplusplus
}
#endif

#endif
