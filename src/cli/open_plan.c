#include "open_plan.h"

#include <string.h>

int cli_is_none(const char *plan)
{
    return plan && strcmp(plan, "none") == 0;
}

void cli_model_plan_hash(char text[VC_PLAN_HASH_TEXT], const vc_model *model)
{
    text[0] = '\0';
    if (vc_model_plan(model))
        vc_plan_hash_text(text, vc_model_plan(model));
}

void cli_add_plan_hash(json_t *result, const vc_plan *plan)
{
    char hash[VC_PLAN_HASH_TEXT];
    vc_plan_hash_text(hash, plan);
    json_object_set_new(result, "plan_hash", json_string(hash));
}

json_t *cli_plan_json(const vc_plan *plan)
{
    const vc_plan_entries n = vc_plan_count(plan);
    json_t *layers = json_array();
    for (size_t l = 0; l < plan->layer_count; l++) {
        json_t *heads = json_array();
        for (size_t h = 0; h < plan->layers[l].heads; h++)
            json_array_append_new(heads, json_integer(plan->layers[l].global_tokens[h]));
        json_array_append_new(layers, heads);
    }
    json_t *object = json_pack(
        "{s:o, s:I, s:I, s:I, s:f, s:I}", "global_tokens", layers, "kept", (json_int_t)n.kept,
        "kept_denser", (json_int_t)n.denser, "kept_sparser", (json_int_t)(n.kept - n.denser),
        "kept_share", (double)n.kept / (double)n.all, "threshold", (json_int_t)plan->threshold);
    cli_add_plan_hash(object, plan);
    return object;
}
