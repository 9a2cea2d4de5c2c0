/* The costs by which heads are split: given, read from the cache, or measured. */
#include "vitcod/attention_costs.h"

#include <stdio.h>
#include <stdlib.h>

#include "attention_costs_impl.h"

const char *vc_costs_source_name(vc_costs_source source)
{
    static const char *const names[] = {"measured", "cached", "given"};
    return names[source];
}

/* Reads the value of VC_ATTENTION_COSTS. */
static vc_status read_given(vc_split_costs *out, const char *text, int bf16)
{
    double values[4];
    int end = 0;
    const int count = sscanf(text, "%lf,%lf,%lf%n,%lf%n", &values[0], &values[1], &values[2], &end,
                             &values[3], &end);
    if (count < 4)
        values[3] = count > 0 ? values[0] : 0.0;
    for (int i = 0; i < 4; i++)
        if (count < 3 || text[end] != '\0' || !(values[i] > 0.0) || values[i] > 1e12)
            return vc_fail(VC_EINVAL,
                           "VC_ATTENTION_COSTS is '%s', wanted three or four positive numbers "
                           "behind commas",
                           text);
    *out = (vc_split_costs){
        .panel_entry = values[bf16 ? 3 : 0], .row_entry = values[1], .row = values[2]};
    return VC_OK;
}

static vc_status find_costs(vc_attention_costs *out, int bf16)
{
    vc__cost_cache cache;
    vc__cost_cache_of(&cache, bf16);
    snprintf(out->cache, sizeof out->cache, "%s", cache.path);
    if (vc__cost_cache_read(&out->costs, &cache)) {
        out->source = VC_COSTS_CACHED;
        return VC_OK;
    }
    out->source = VC_COSTS_MEASURED;
    VC_TRY(vc__measure_costs(&out->costs, bf16));
    vc__cost_cache_write(&out->costs, &cache);
    return VC_OK;
}

vc_status vc_attention_costs_get(vc_attention_costs *out, int bf16)
{
    static vc_attention_costs known[2];
    static int is_known[2];
    const char *text = getenv("VC_ATTENTION_COSTS");
    vc_status status = VC_OK;
    *out = (vc_attention_costs){.source = VC_COSTS_GIVEN};
    if (text && *text)
        return read_given(&out->costs, text, bf16);
#pragma omp critical(vc_attention_costs)
    {
        if (!is_known[bf16]) {
            status = find_costs(&known[bf16], bf16);
            is_known[bf16] = status == VC_OK;
        }
        *out = known[bf16];
    }
    return status;
}

vc_status vc_attention_costs_fill(vc_pattern_options *options, int bf16)
{
    vc_attention_costs here;
    if (options->split == VC_PATTERN_WHOLE || options->costs.panel_entry > 0.0)
        return VC_OK;
    VC_TRY(vc_attention_costs_get(&here, bf16));
    options->costs = here.costs;
    return VC_OK;
}
