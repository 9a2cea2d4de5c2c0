#include "vitcod/prune_result.h"

#include <math.h>
#include <stdio.h>

static const vc_field group_fields[] = {
    {VC_FIELD(vc_group_sparsity, group, "", "group of layers")},
    {VC_FIELD_AS(vc_group_sparsity, sparsity, NULL, "", "share of its entries that is pruned")},
};
static const vc_record group_record = VC_RECORD("group", vc_group_sparsity, group_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_prune_result, mask, "", "file or folder of the mask")},
    {VC_FIELD(vc_prune_result, info, "", "strength of the rule: info cut, threshold, .."),
     VC_KNOWN},
    {VC_FIELD_LIST(vc_prune_result, cuts, cut_count, "info", "", "info cut of each group"),
     VC_KNOWN},
    {VC_FIELD(vc_prune_result, sparsity, "", "share of all entries that is pruned")},
    {VC_FIELD(vc_prune_result, kept_share, "", "share of all entries that is kept")},
    {VC_FIELD(vc_prune_result, kept, "", "entries that are kept")},
    {VC_FIELD_NAMED(vc_prune_result, groups, group_count, "group_sparsity", &group_record,
                    "by group of layers"),
     VC_KNOWN},
};
const vc_record vc_prune_result_record = VC_RECORD("prune", vc_prune_result, fields);

void vc_prune_result_of(vc_prune_result *out, const vc_mask_set *set, const vc_prune_report *report,
                        const char *mask, const double *cuts, size_t cut_count)
{
    const int apart = cut_count > 1;
    *out = (vc_prune_result){.mask = mask,
                             .info = apart ? NAN : report->info,
                             .cuts = cuts,
                             .cut_count = apart ? cut_count : 0,
                             .sparsity = report->sparsity,
                             .kept_share = 1.0 - report->sparsity,
                             .groups = out->group_room};
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
