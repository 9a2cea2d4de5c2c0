#include "vitcod/prune_result.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const vc_field group_fields[] = {
    {VC_FIELD(vc_group_sparsity, group, "", "group of layers")},
    {VC_FIELD_AS(vc_group_sparsity, sparsity, NULL, "", "share of its entries that is pruned")},
};
static const vc_record group_record = VC_RECORD("group", vc_group_sparsity, group_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_prune_result, mask, "", "file or folder of the mask"), VC_KNOWN},
    {VC_FIELD(vc_prune_result, plan, "", "file of the plan, where there are summaries"), VC_KNOWN},
    {VC_FIELD(vc_prune_result, summaries, "", "blocks that keys are pooled to, by layer"),
     VC_KNOWN},
    {VC_FIELD(vc_prune_result, plan_hash, "", "of the plan"), VC_KNOWN},
    {VC_FIELD(vc_prune_result, rule, "", "pruning rule")},
    {VC_FIELD(vc_prune_result, info, "", "strength of the rule: info cut, threshold, .."),
     VC_KNOWN},
    {VC_FIELD_LIST(vc_prune_result, cuts, cut_count, "info", "", "info cut of each group"),
     VC_KNOWN},
    {VC_FIELD(vc_prune_result, sparsity, "",
              "share of all entries that is pruned; scores of summaries count as kept")},
    {VC_FIELD(vc_prune_result, kept_share, "", "share of all entries that is kept")},
    {VC_FIELD(vc_prune_result, kept, "", "entries that are kept")},
    {VC_FIELD(vc_prune_result, class_token_kept, "", "row 0 and column 0 may not be pruned")},
    {VC_FIELD(vc_prune_result, rounded, "", "maps are float64 and were rounded to float32")},
    {VC_FIELD(vc_prune_result, ties, "", "numpy or stable: which of equal scores are kept"),
     VC_KNOWN},
    {VC_FIELD(vc_prune_result, tied_rows, "",
              "rows of which equal scores are partly kept, partly pruned"),
     VC_KNOWN},
    {VC_FIELD(vc_prune_result, empty_rows, "",
              "rows that the rule left empty, which keep their highest score"),
     VC_KNOWN},
    {VC_FIELD_NAMED(vc_prune_result, groups, group_count, "group_sparsity", &group_record,
                    "by group of layers"),
     VC_KNOWN},
};
const vc_record vc_prune_result_record = VC_RECORD("prune", vc_prune_result, fields);

static void add_groups(vc_prune_result *out, const vc_mask_set *set)
{
    for (size_t g = 0; g < set->count; g++) {
        const vc_mask *m = &set->masks[g];
        const size_t entries = m->layers * m->heads * m->queries * m->keys;
        const size_t left = vc_mask_kept(m);
        out->kept += left;
        if (!set->names[g].text[0])
            continue;
        vc_group_sparsity *group = &out->groups[out->group_count++];
        snprintf(group->group, sizeof group->group, "%s", set->names[g].text);
        group->sparsity = 1.0 - (double)left / (double)entries;
    }
}

void vc_prune_result_of(vc_prune_result *out, const vc_mask_set *set,
                        const vc_prune_options *options, const vc_prune_report *report,
                        const char *mask, const double *cuts, size_t cut_count)
{
    const int apart = cut_count > 1;
    *out = (vc_prune_result){.mask = mask,
                             .rule = options->rule,
                             .class_token_kept = options->keep_class_token,
                             .ties = vc_prune_ties_name(options->ties),
                             .tied_rows = report->tied_rows,
                             .empty_rows = report->empty_rows,
                             .info = apart ? NAN : report->info,
                             .cuts = cuts,
                             .cut_count = apart ? cut_count : 0,
                             .sparsity = report->sparsity,
                             .kept_share = 1.0 - report->sparsity,
                             .groups = out->group_room};
    add_groups(out, set);
}

void vc_prune_result_shared(vc_prune_result *out, const vc_mask_set *set, const vc_plan *plan,
                            const char *rule, const char *summaries, const char *path)
{
    *out = (vc_prune_result){.mask = plan ? NULL : path,
                             .plan = plan ? path : NULL,
                             .rule = rule,
                             .tied_rows = VC_NO_COUNT,
                             .empty_rows = VC_NO_COUNT,
                             .info = NAN,
                             .groups = out->group_room};
    double all = 0.0;
    add_groups(out, set);
    for (size_t g = 0; g < set->count; g++) {
        const vc_mask *m = &set->masks[g];
        all += (double)(m->layers * m->heads) * (double)(m->queries * m->keys);
    }
    out->kept_share = plan ? vc_plan_kept_share(plan) : (double)out->kept / all;
    out->sparsity = 1.0 - out->kept_share;
    if (!plan)
        return;
    vc_plan_hash_text(out->plan_hash, plan);
    snprintf(out->summaries, sizeof out->summaries, "%s", summaries);
}

/* Of a rule with a strength. */
static void print_strength(FILE *out, const vc_prune_result *r)
{
    fprintf(out, ", %s", vc_prune_strength_name(r->rule));
    if (r->cut_count)
        fputs(" for each group\n", out);
    else
        fprintf(out, " %.6f\n", r->info);
}

void vc_prune_result_print(FILE *out, const vc_prune_result *r)
{
    fprintf(out, "%s: %.2f %% pruned by rule %s", r->plan ? r->plan : r->mask, 100.0 * r->sparsity,
            r->rule);
    if (r->ties)
        print_strength(out, r);
    else
        fprintf(out, "%s%s\n", r->plan ? ", summaries " : "", r->summaries);
    if (r->rounded)
        fputs("  the maps are float64: rounded to float32\n", out);
    if (r->tied_rows > 0 && r->tied_rows != VC_NO_COUNT)
        fprintf(out,
                "  %" PRIu64
                " rows prune some of several equal scores: which, goes as in %s (--ties)\n",
                r->tied_rows,
                strcmp(r->ties, "numpy") == 0 ? "NumPy's unstable sort" : "a stable sort");
    if (r->empty_rows > 0 && r->empty_rows != VC_NO_COUNT)
        fprintf(out, "  %" PRIu64 " rows would be empty: they keep their highest score\n",
                r->empty_rows);
    for (size_t g = 0; g < r->group_count; g++)
        fprintf(out, "  %-12s %.2f %%\n", r->groups[g].group, 100.0 * r->groups[g].sparsity);
}
