#include <stdio.h>
#include <stdlib.h>

#include "profile.h"
#include "vitcod/comma_lists.h"
#include "vitcod/progress.h"

enum { REPEATS = 15 };

static vc_status measure(vc_lengths_result *out, const vc_comma_numbers *lengths,
                         const vc_length_options *how)
{
    vc_progress progress = vc_progress_begin("lengths", lengths->count);
    cli_note_precision(VC_IN_FP32);
    vc_status status = VC_OK;
    for (size_t i = 0; i < lengths->count && status == VC_OK; i++) {
        vc_length_times times;
        status = vc_profile_length(&times, (size_t)lengths->values[i], how);
        if (status == VC_OK)
            vc_lengths_add(out, (size_t)lengths->values[i], &times);
        vc_progress_update(&progress, i + 1, NULL);
    }
    vc_progress_end(&progress);
    return status;
}

vc_status cli_profile_lengths(cli_profile_result *result, const cli_profile_options *o)
{
    vc_comma_numbers lengths = {0};
    vc_model_config config;
    VC_TRY(vc_comma_numbers_add(&lengths, "--lengths", o->lengths, 1.0, VC_MOST_TOKENS));
    VC_TRY(cli_preset(&config, &o->model));
    const vc_attention_layer layer = vc_model_layer(&config, 0);
    const vc_pattern_split asked = cli_split(&o->engine),
                           chosen = asked == VC_ENGINE_USUAL_SPLIT ? VC_PATTERN_BY_COST : asked;
    const vc_length_options how = {.heads = layer.heads,
                                   .head_dim = layer.head_dim,
                                   .projected = o->linformer == CLI_UNSET ? 0 : o->linformer,
                                   .sparsity = o->sparsity,
                                   .repeats = o->runs == CLI_UNSET ? REPEATS : o->runs,
                                   .seed = o->model.seed,
                                   .split = {.split = chosen}};
    result->of_lengths = true;
    result->split = vc_pattern_split_name(chosen);
    result->lengths =
        (vc_lengths_result){.arch = o->model.arch,
                            .heads = how.heads,
                            .head_dim = how.head_dim,
                            .sparsity = how.sparsity,
                            .repeats = how.repeats,
                            .lengths = calloc(lengths.count, sizeof(vc_length_result))};
    if (!result->lengths.lengths)
        return vc_fail(VC_ENOMEM, "out of memory for %zu lengths", lengths.count);
    return measure(&result->lengths, &lengths, &how);
}

void cli_print_profile_lengths(const void *result)
{
    const vc_lengths_result *r = &((const cli_profile_result *)result)->lengths;
    printf(
        "attention of one layer and image, %zu heads of %zu; Linformer's keys are projected to k "
        "tokens,\none head of them for all and the values too; sparse is asked to prune %.1f %%\n",
        r->heads, r->head_dim, 100.0 * r->sparsity);
    puts("                  million MACs                      ms                     dense / this");
    puts(
        "tokens    k    dense Linformer   sparse    dense Linformer   sparse   Linformer   sparse");
    for (size_t i = 0; i < r->length_count; i++) {
        const vc_length_result *at = &r->lengths[i];
        const vc_length_way *d = &at->dense, *l = &at->linformer, *s = &at->sparse;
        printf("%6zu %4zu %8.1f %9.1f %8.1f %8.3f %9.3f %8.3f %11.2f %8.2f\n", at->tokens,
               at->projected, 1e-6 * (double)d->macs, 1e-6 * (double)l->macs,
               1e-6 * (double)s->macs, d->ms, l->ms, s->ms, l->dense_over_this, s->dense_over_this);
    }
}
