#include <stdio.h>

#include "profile.h"
#include "vitcod/profile.h"

enum { HEAD_DIM = 64, REPEATS = 101 };

/* Values per head: the model's, which the plan must fit, or what was asked for. */
static vc_status find_head_dim(size_t *head_dim, const cli_model_options *options,
                               const vc_plan *plan, const char *plan_path)
{
    if (!options->path)
        return VC_OK;
    vc_model *model;
    VC_TRY(cli_open_model(&model, options, CLI_RUN));
    *head_dim = vc_model_layer(&model->config, 0).head_dim;
    vc_status status = vc_model_check_plan(&model->config, plan, plan_path);
    vc_model_close(model);
    return status;
}

static vc_status measure(vc_attention_times *out, const vc_plan *plan, size_t head_dim,
                         vc_pattern_split split, size_t batch, size_t repeats, size_t seed)
{
    const vc_pattern_options how = {.split = split};
    vc_progress progress = vc_progress_begin("measuring", repeats);
    const vc_status status =
        vc_profile_attention(out, plan, head_dim, &how, batch, repeats, seed, &progress);
    vc_progress_end(&progress);
    return status;
}

vc_status cli_profile_attention(cli_profile_result *result, const cli_profile_options *o,
                                const char *path, size_t seed)
{
    const size_t repeats = o->runs == CLI_UNSET ? REPEATS : o->runs;
    size_t head_dim = o->head_dim == CLI_UNSET ? HEAD_DIM : o->head_dim;
    vc_plan plan;
    vc_attention_times times = {0};
    VC_TRY(vc_plan_read(&plan, path));
    vc_status status = find_head_dim(&head_dim, &o->model, &plan, path);
    const vc_pattern_split asked = cli_split(&o->engine),
                           split = asked == VC_ENGINE_USUAL_SPLIT ? VC_PATTERN_BY_PLAN : asked;
    if (status == VC_OK)
        status = measure(&times, &plan, head_dim, split, o->batch, repeats, seed);
    vc_plan_close(&plan);
    VC_TRY(status);
    cli_note_precision(VC_IN_FP32);
    result->split = vc_pattern_split_name(split);
    result->of_attention = true;
    result->attention = (vc_attention_result){.dense_ms = vc_spread_scaled(times.dense, 1e3),
                                              .sparse_ms = vc_spread_scaled(times.sparse, 1e3),
                                              .ratio = times.ratio,
                                              .largest_difference = times.largest_difference,
                                              .batch = o->batch,
                                              .head_dim = head_dim,
                                              .repeats = repeats};
    return VC_OK;
}

void cli_print_profile_attention(const void *result)
{
    const vc_attention_result *r = &((const cli_profile_result *)result)->attention;
    printf("attention of all layers, batch %zu: dense %.3f ms, sparse %.3f ms, ratio %.2f (%.2f to "
           "%.2f)\n",
           r->batch, r->dense_ms.median, r->sparse_ms.median, r->ratio.median, r->ratio.low,
           r->ratio.high);
}
