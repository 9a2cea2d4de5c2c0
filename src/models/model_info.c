#include "vitcod/model_info.h"

#include <stdio.h>

static const vc_field attention_fields[] = {
    {VC_FIELD(vc_model_info_attention, group, "", "layers of one shape; \"\": all")},
    {VC_FIELD(vc_model_info_attention, layers, "", "of the group")},
    {VC_FIELD(vc_model_info_attention, heads, "", "of a layer")},
    {VC_FIELD(vc_model_info_attention, queries, "", "tokens that ask")},
    {VC_FIELD(vc_model_info_attention, keys, "", "tokens that are asked")},
    {VC_FIELD(vc_model_info_attention, head_dim, "", "values of a query and of a key")},
    {VC_FIELD(vc_model_info_attention, value_dim, "", "values of a value")},
    {VC_FIELD(vc_model_info_attention, compressed_heads, "", "of the auto-encoder; 0: none")},
    {VC_FIELD(vc_model_info_attention, compressed_of, "", "qk, q, k or nothing")},
};
static const vc_record attention_record =
    VC_RECORD("attention", vc_model_info_attention, attention_fields);

#define INFO_OP_NAME(name, text, work, precision, rows, part) text,
static const char *const op_names[] = {VC_OP_MAP(INFO_OP_NAME) NULL};
#undef INFO_OP_NAME

static const vc_field plan_fields[] = {
    {VC_FIELD_INLINE(vc_model_info, plan, &vc_plan_summary_record)},
    {VC_FIELD(vc_model_info, inside, "", "the plan lies in the model's file")},
};
static const vc_record plan_record = VC_RECORD("plan", vc_model_info, plan_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_model_info, model, "", "file or preset")},
    {VC_FIELD(vc_model_info, architecture, "", "family")},
    {VC_FIELD_INLINE(vc_model_info, input, &vc_input_info_record)},
    {VC_FIELD(vc_model_info, classes, "", "that it tells apart; 0: no classifier")},
    {VC_FIELD(vc_model_info, known_as, "", "the name whose input it is"), VC_KNOWN},
    {VC_FIELD(vc_model_info, guessed, "", "what no file and no option says"), VC_KNOWN},
    {VC_FIELD(vc_model_info, parameters, "", "learnt numbers")},
    {VC_FIELD(vc_model_info, macs, "MAC", "multiply-adds of one image")},
    {VC_FIELD(vc_model_info, attention_macs, "MAC", "of them between the projections")},
    {VC_FIELD_INLINE_JSON(vc_model_info, sizes)},
    {VC_FIELD_RECORDS(vc_model_info, groups, group_count, "attention", &attention_record,
                      "by group of layers")},
    {VC_FIELD_BY_WORD(vc_model_info, macs_by_operator, op_names, "macs_by_operator", "MAC",
                      "of one image"),
     .skip_zeros = true},
    {VC_FIELD(vc_model_info, ops, "", "every operator, as a workload's file has it")},
    {VC_FIELD_SELF(vc_model_info, "plan", &plan_record, "that attention is on"),
     VC_WHEN(vc_model_info, has_plan)},
};
const vc_record vc_model_info_record = VC_RECORD("info", vc_model_info, fields);

/* The attentions, group by group: layers in a group have one shape. */
static void describe_attention(vc_model_info *result, const vc_model_config *config)
{
    result->groups = result->attention;
    for (size_t g = 0; g < vc_model_groups(config); g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        vc_model_info_attention *a = &result->groups[result->group_count++];
        *a = (vc_model_info_attention){.layers = group.count,
                                       .heads = l.heads,
                                       .queries = l.queries,
                                       .keys = l.keys,
                                       .head_dim = l.head_dim,
                                       .value_dim = l.value_dim,
                                       .compressed_heads = vc_model_coded_width(l.compressed),
                                       .compressed_of = vc_model_coded_word(l.compressed)};
        snprintf(a->group, sizeof a->group, "%s", group.name);
    }
}

static vc_status describe_work(vc_model_info *result, const vc_model_config *config,
                               const vc_plan *plan)
{
    vc_workload workload = {0};
    VC_TRY(vc_model_lower(&workload, config, plan));
    result->macs = vc_workload_macs(&workload, 0);
    result->attention_macs = vc_workload_macs(&workload, 1);
    for (size_t i = 0; i < workload.count; i++)
        result->macs_by_operator[workload.ops[i].kind] += workload.ops[i].macs;
    json_t *all = vc_workload_json(&workload);
    result->ops = json_incref(json_object_get(all, "ops"));
    json_decref(all);
    vc_workload_close(&workload);
    return result->ops ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for the operators");
}

vc_status vc_model_info_open(vc_model_info *out, const char *name, const vc_model_config *config,
                             const vc_plan *plan, bool inside)
{
    *out = (vc_model_info){.model = name,
                           .architecture = vc_model_family(config),
                           .classes = vc_model_input_of(config).classes,
                           .has_plan = plan != NULL,
                           .inside = inside};
    vc_input_info_of(&out->input, config);
    snprintf(out->known_as, sizeof out->known_as, "%s", config->looks.known_as);
    vc_model_guesses(out->guessed, config);
    vc_status status = vc_model_parameters(&out->parameters, config);
    if (status == VC_OK)
        status = describe_work(out, config, plan);
    out->sizes = status == VC_OK ? vc_model_describe(config) : NULL;
    if (status == VC_OK && !out->sizes)
        status = vc_fail(VC_ENOMEM, "out of memory for the sizes");
    if (status == VC_OK)
        describe_attention(out, config);
    if (status == VC_OK && plan)
        status = vc_plan_summarize(&out->plan, plan);
    if (status != VC_OK)
        vc_model_info_close(out);
    return status;
}

void vc_model_info_close(vc_model_info *info)
{
    vc_record_free(&vc_plan_summary_record, &info->plan);
    json_decref(info->sizes);
    json_decref(info->ops);
    *info = (vc_model_info){0};
}
