#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "vitcod/attention_stats.h"
#include "vitcod/npy.h"
#include "vitcod/progress.h"
#include "vitcod/train.h"

typedef struct attention_options {
    cli_model_options model;
    const char *data, *split, *input, *output;
    size_t batch, limit;
} attention_options;

static void tap_attention(void *context, size_t layer, const float *probs, size_t batch)
{
    vc_attention_stats_add(context, layer, probs, batch);
}

static vc_status collect_from_data(const attention_options *o, const vc_model *model, vc_acts *acts,
                                   const vc_tap *tap)
{
    vc_dataset data;
    vc_evaluation ignored;
    VC_TRY(vc_dataset_open(&data, o->data, o->split));
    vc_progress progress = vc_progress_begin("attention", 1);
    vc_status status = vc_evaluate(&ignored, model, &data, acts, o->limit, tap, &progress);
    vc_progress_end(&progress);
    vc_dataset_close(&data);
    return status;
}

static vc_status collect_from_array(const attention_options *o, const vc_model *model,
                                    vc_acts *acts, const vc_tap *tap)
{
    const vc_model_input wanted = vc_model_input_of(&model->config), *c = &wanted;
    vc_npy input;
    VC_TRY(cli_open_images(&input, o->input, model));
    const vc_tensor *x = &input.tensor;
    size_t images = x->shape[0], values = c->channels * c->image * c->image;
    if (o->limit > 0 && o->limit < images)
        images = o->limit;
    for (size_t done = 0; done < images; done += acts->batch) {
        size_t n = images - done < acts->batch ? images - done : acts->batch;
        vc_model_forward(acts, model, (const float *)x->data + done * values, n, tap);
    }
    vc_npy_close(&input);
    return VC_OK;
}

static vc_status write_mean(const char *path, const vc_attention_stats *stats)
{
    size_t count = stats->layers * stats->heads * stats->queries * stats->keys;
    float *mean = malloc(count * sizeof *mean);
    if (!mean)
        return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
    vc_attention_stats_mean(mean, stats);
    const vc_tensor tensor = {
        VC_F32, 4, {stats->layers, stats->heads, stats->queries, stats->keys}, mean};
    vc_status status = vc_npy_write(path, &tensor);
    free(mean);
    return status;
}

static vc_status run(json_t *result, const attention_options *o)
{
    vc_model *model;
    vc_acts acts = {0};
    vc_attention_stats stats = {0};
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    const vc_attention_layer layer = vc_model_layer(&model->config, 0);
    const vc_tap tap = {.attention = tap_attention, .context = &stats};
    vc_status status = vc_acts_open(&acts, model, o->batch, 0);
    if (status == VC_OK)
        status = vc_attention_stats_open(&stats, vc_model_layers(&model->config), layer.heads,
                                         layer.queries, layer.keys);
    if (status == VC_OK)
        status = o->input ? collect_from_array(o, model, &acts, &tap)
                          : collect_from_data(o, model, &acts, &tap);
    if (status == VC_OK)
        status = write_mean(o->output, &stats);
    json_object_set_new(result, "images", json_integer((json_int_t)stats.images));
    json_object_set_new(result, "maps", cli_text(o->output));
    vc_attention_stats_close(&stats);
    vc_acts_close(&acts);
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    printf("%s: attention averaged over %lld images\n",
           json_string_value(json_object_get(result, "maps")),
           (long long)json_integer_value(json_object_get(result, "images")));
}

static int run_attention(const cli_command *command, int argc, char **argv)
{
    attention_options o = {.split = "train", .batch = 8};
    const cli_option options[] = {
        {"data", "DIR", "images in IDX files", CLI_TEXT, &o.data},
        {"input", "FILE", "or npy, float32 (N, channels, H, W), normalised", CLI_TEXT, &o.input},
        {"output", "FILE", "npy of the averaged maps (L, H, T, T)", CLI_TEXT, &o.output},
        {"split", "NAME", "train or test (default train)", CLI_TEXT, &o.split},
        CLI_MODEL_OPTIONS(o.model),
        {"limit", "N", "only the first N images", CLI_COUNT, &o.limit},
        {"batch", "N", "images at once (default 8)", CLI_COUNT, &o.batch},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.output || !o.data == !o.input)
        return cli_usage(command, "wanted -o FILE and one of --data and --input");
    if (o.model.plan)
        return cli_usage(command, "on a plan no map is made: wanted --mask instead of --plan");
    status = cli_check_batch(command, o.batch);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    json_t *result = cli_result(command, &common);
    vc_status done = run(result, &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_attention = {
    "attention", "average the attention maps over images",
    "MODEL --data DIR|--input X.npy -o MAPS.npy",
    "Averages softmax(Q K^T) of every layer and head over images: what pruning starts from.",
    run_attention};
