#include <inttypes.h>
#include <math.h>

#include "vitcod/attention_info.h"
#include "vitcod/plural.h"

static void print_layer(FILE *out, const vc_attention_info *info, size_t index)
{
    const vc_attention_info_layer *l = &info->layers[index];
    fprintf(out, "%5zu  %-10s %5zu %8zu %6zu", index, l->group, l->heads, l->queries, l->keys);
    if (info->is_plan) {
        fprintf(out, " %8.2f %% %8" PRIu64 " to %" PRIu64, 100.0 * l->sparsity, l->least_globals,
                l->most_globals);
        if (l->summaries != VC_NO_COUNT)
            fprintf(out, ", %" PRIu64 " %s", l->summaries,
                    vc_plural(l->summaries, "summary", "summaries"));
    } else if (info->is_mask) {
        fprintf(out, " %8.2f %% %11" PRIu64, 100.0 * l->sparsity, l->empty_rows);
    } else {
        fprintf(out, " %10.6f to %.6f %10" PRIu64, l->least_row_sum, l->most_row_sum, l->tied_rows);
    }
    fputc('\n', out);
}

static void print_layers(FILE *out, const vc_attention_info *info)
{
    fprintf(out, "layer  group      heads  queries   keys %s\n",
            info->is_plan   ? "    pruned  global tokens in a head"
            : info->is_mask ? "    pruned  empty rows"
                            : "    a row's sum         tied rows");
    for (size_t l = 0; l < info->layer_count; l++)
        print_layer(out, info, l);
}

static void print_mask(FILE *out, const vc_attention_info *info)
{
    fprintf(out, "%.2f %% pruned, %" PRIu64 " entries kept", 100.0 * info->sparsity, info->kept);
    if (info->plan_hash[0])
        fprintf(out, ", plan %s", info->plan_hash);
    fputc('\n', out);
    if (info->empty_rows)
        fprintf(out, "%" PRIu64 " %s no entry: polarize and models want one in each\n",
                info->empty_rows, vc_plural(info->empty_rows, "row keeps", "rows keep"));
}

/* Sums of float32, and of what float16 rounds. */
static void print_maps(FILE *out, const vc_attention_info *info)
{
    const double tolerance = 0.01;
    double least = INFINITY, most = 0.0, low = INFINITY, high = 0.0;
    uint64_t tied = 0;
    for (size_t l = 0; l < info->layer_count; l++) {
        const vc_attention_info_layer *layer = &info->layers[l];
        least = fmin(least, layer->least_score);
        most = fmax(most, layer->most_score);
        low = fmin(low, layer->least_row_sum);
        high = fmax(high, layer->most_row_sum);
        tied += layer->tied_rows;
    }
    fprintf(out, "scores from %g to %g; equal ones in %" PRIu64 " %s\n", least, most, tied,
            vc_plural(tied, "row", "rows"));
    if (low < 1.0 - tolerance || high > 1.0 + tolerance)
        fprintf(out, "rows add up to %g to %g, those of averaged attention to 1\n", low, high);
}

void vc_attention_info_print(FILE *out, const vc_attention_info *info)
{
    const vc_plan_summary *p = &info->plan;
    fprintf(out, "%s: %s", info->file, info->kind);
    if (info->is_plan)
        fprintf(out, ", %s", p->method);
    if (info->dtype)
        fprintf(out, ", %s", info->dtype);
    fprintf(out, ", %zu %s\n", info->layer_count, vc_plural(info->layer_count, "layer", "layers"));
    print_layers(out, info);
    if (info->is_mask)
        print_mask(out, info);
    if (!info->is_mask && !info->is_plan)
        print_maps(out, info);
    if (!info->is_plan)
        return;
    vc_plan_summary_print(out, p);
    fprintf(out, "threshold %" PRIu64 " of %" PRIu64 " queries, plan %s\n", p->threshold,
            p->queries, p->plan_hash);
}
