#include "means.h"

#include <stdlib.h>

void vc__means_close(vc__means *means)
{
    for (size_t g = 0; g < means->count; g++)
        free(means->values[g]);
    *means = (vc__means){0};
}

vc_status vc__means_open(vc__means *out, const vc_attention_stats *stats, size_t groups)
{
    *out = (vc__means){0};
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_stats *s = &stats[g];
        const size_t count = s->layers * s->heads * s->queries * s->keys;
        float *values = malloc(count * sizeof *values);
        if (!values) {
            vc__means_close(out);
            return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
        }
        vc_attention_stats_mean(values, s);
        out->values[g] = values;
        out->maps[g] = (vc_maps){s->layers, s->heads, s->queries, s->keys, values};
        out->count++;
    }
    return VC_OK;
}
