#include "vitcod/plan_summary.h"

#include <stdlib.h>
#include <string.h>

static const vc_field globals_fields[] = {
    {VC_FIELD_LIST(vc_plan_globals, of_heads, heads, NULL, "", "")},
};
static const vc_record globals_record =
    VC_RECORD("global tokens of a layer", vc_plan_globals, globals_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_plan_summary, method, "",
              "kept entries alone, with a residual or with summaries")},
    {VC_FIELD_RECORDS(vc_plan_summary, global_tokens, layers, "global_tokens", &globals_record,
                      "by layer and head")},
    {VC_FIELD(vc_plan_summary, kept, "", "entries that are kept")},
    {VC_FIELD(vc_plan_summary, kept_denser, "", "of them in columns of global tokens")},
    {VC_FIELD(vc_plan_summary, kept_sparser, "", "of them in the other columns")},
    {VC_FIELD(vc_plan_summary, kept_share, "", "of all entries, with the scores of summaries")},
    {VC_FIELD_LIST(vc_plan_summary, summaries, summary_layers, "summaries", "", "of each layer"),
     VC_WHEN(vc_plan_summary, has_summaries)},
    {VC_FIELD(vc_plan_summary, threshold, "", "a column that keeps more is a global token")},
    {VC_FIELD(vc_plan_summary, queries, "", "of the first layer, which the threshold is of")},
    {VC_FIELD(vc_plan_summary, reordered, "",
              "tokens are numbered in the plan's order: for a simulation, not for a model")},
    {VC_FIELD(vc_plan_summary, plan_hash, "", "of the plan")},
};
const vc_record vc_plan_summary_record = VC_RECORD("plan", vc_plan_summary, fields);

static vc_status add_layer(vc_plan_summary *out, const vc_plan_layer *layer)
{
    vc_plan_globals *globals = &out->global_tokens[out->layers++];
    globals->of_heads = calloc(layer->heads, sizeof *globals->of_heads);
    if (!globals->of_heads)
        return vc_fail(VC_ENOMEM, "out of memory for %zu heads", layer->heads);
    globals->heads = layer->heads;
    memcpy(globals->of_heads, layer->global_tokens, layer->heads * sizeof *globals->of_heads);
    return VC_OK;
}

static vc_status list_summaries(vc_plan_summary *out, const vc_plan *plan)
{
    out->summaries = calloc(plan->layer_count + 1, sizeof *out->summaries);
    if (!out->summaries)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", plan->layer_count);
    out->summary_layers = plan->layer_count;
    out->has_summaries = true;
    for (size_t l = 0; l < plan->layer_count; l++)
        out->summaries[l] = plan->layers[l].pooling.count;
    return VC_OK;
}

vc_status vc_plan_summarize(vc_plan_summary *out, const vc_plan *plan)
{
    const vc_plan_entries n = vc_plan_count(plan);
    *out = (vc_plan_summary){.method = vc_plan_method(plan),
                             .kept = n.kept,
                             .kept_denser = n.denser,
                             .kept_sparser = n.kept - n.denser,
                             .kept_share = vc_plan_kept_share(plan),
                             .threshold = plan->threshold,
                             .queries = plan->layer_count ? plan->layers[0].queries : 0,
                             .reordered = plan->reordered};
    out->global_tokens = calloc(plan->layer_count + 1, sizeof *out->global_tokens);
    if (!out->global_tokens)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", plan->layer_count);
    for (size_t l = 0; l < plan->layer_count; l++)
        VC_TRY(add_layer(out, &plan->layers[l]));
    if (n.summaries > 0)
        VC_TRY(list_summaries(out, plan));
    vc_plan_hash_text(out->plan_hash, plan);
    return VC_OK;
}

void vc_plan_summary_print(FILE *out, const vc_plan_summary *p)
{
    fputs("global tokens per layer and head:\n", out);
    for (size_t l = 0; l < p->layers; l++) {
        fprintf(out, "  layer %2zu:", l);
        for (size_t h = 0; h < p->global_tokens[l].heads; h++)
            fprintf(out, " %3d", p->global_tokens[l].of_heads[h]);
        fputc('\n', out);
    }
    fprintf(out, "kept: %.2f %%, %llu entries in the denser part, %llu in the sparser\n",
            100.0 * p->kept_share, (unsigned long long)p->kept_denser,
            (unsigned long long)p->kept_sparser);
    if (p->reordered)
        fputs(
            "tokens are numbered in the plan's order: it can be simulated, no model can have it\n",
            out);
}
