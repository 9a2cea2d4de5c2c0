#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "vitcod/autoencoder_setup.h"
#include "vitcod/progress.h"
#include "vitcod/train.h"

typedef struct autoencoder_options {
    cli_model_options model;
    const char *data, *split, *output;
    size_t batch, limit, compressed;
} autoencoder_options;

typedef struct collector {
    const vc_model_config *config;
    vc_head_moments *moments; /* (L, 2): of Q, of K */
} collector;

static void tap_query_key(void *context, size_t layer, const float *q, const float *k,
                          size_t stride, size_t batch)
{
    collector *c = context;
    const vc_attention_layer l = vc_model_layer(c->config, layer);
    size_t tokens = batch * l.queries;
    vc_head_moments_add(&c->moments[2 * layer], q, stride, tokens, l.head_dim);
    vc_head_moments_add(&c->moments[2 * layer + 1], k, stride, tokens, l.head_dim);
}

static vc_status collect(const collector *c, const autoencoder_options *o, const vc_model *model)
{
    vc_acts acts;
    vc_dataset data;
    vc_evaluation ignored;
    const vc_tap tap = {.query_key = tap_query_key, .context = (void *)c};
    VC_TRY(vc_acts_open(&acts, model, o->batch, 0));
    vc_status status = vc_dataset_open(&data, o->data, o->split);
    if (status == VC_OK) {
        vc_progress progress = vc_progress_begin("collecting Q and K", 1);
        status = vc_evaluate(&ignored, model, &data, &acts, o->limit, &tap, &progress);
        vc_progress_end(&progress);
        vc_dataset_close(&data);
    }
    vc_acts_close(&acts);
    return status;
}

/* A model of the same sizes, of which only the auto-encoder is filled and written. */
static vc_status set_up_and_write(const collector *c, const char *path, size_t compressed)
{
    vc_model_config config = *c->config;
    vc_model *coded;
    config.deit.compressed_heads = compressed;
    VC_TRY(vc_model_create(&coded, &config, 0));
    vc_status status = VC_OK;
    for (size_t l = 0; status == VC_OK && l < vc_model_layers(&config); l++) {
        const vc_coder *w = vc_model_coder(coded, l);
        for (size_t i = 0; status == VC_OK && i < 2; i++)
            status = vc_autoencoder_setup(w[i].encoder_w, w[i].encoder_b, w[i].decoder_w,
                                          w[i].decoder_b, &c->moments[2 * l + i], compressed);
    }
    if (status == VC_OK)
        status = vc_model_write_autoencoder(path, coded);
    vc_model_close(coded);
    return status;
}

static vc_status make(json_t *result, const autoencoder_options *o)
{
    vc_model *model;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    const vc_deit_config *c = &model->config.deit;
    size_t compressed = o->compressed ? o->compressed : (c->heads + 1) / 2;
    json_object_set_new(result, "compressed_heads", json_integer((json_int_t)compressed));
    json_object_set_new(result, "autoencoder", cli_text(o->output));
    collector all = {&model->config, calloc(2 * c->depth, sizeof(vc_head_moments))};
    vc_status status = all.moments ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK && compressed > c->heads)
        status = vc_fail(VC_EINVAL, "%zu compressed heads, wanted at most the model's %zu",
                         compressed, c->heads);
    for (size_t i = 0; status == VC_OK && i < 2 * c->depth; i++)
        status = vc_head_moments_open(&all.moments[i], c->heads);
    if (status == VC_OK)
        status = collect(&all, o, model);
    if (status == VC_OK)
        status = set_up_and_write(&all, o->output, compressed);
    for (size_t i = 0; all.moments && i < 2 * c->depth; i++)
        vc_head_moments_close(&all.moments[i]);
    free(all.moments);
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    printf("%s: auto-encoder to %lld heads\n",
           json_string_value(json_object_get(result, "autoencoder")),
           (long long)json_integer_value(json_object_get(result, "compressed_heads")));
}

static int run_autoencoder(const cli_command *command, int argc, char **argv)
{
    autoencoder_options o = {.split = "train", .batch = 8, .limit = 1000};
    const cli_option options[] = {
        {"data", "DIR", "images in IDX files", CLI_TEXT, &o.data},
        {"output", "FILE", "safetensors with encoders and decoders", CLI_TEXT, &o.output},
        {"split", "NAME", "train or test (default train)", CLI_TEXT, &o.split},
        CLI_MODEL_OPTIONS(o.model),
        {"compressed", "N", "heads after compression (default: half, rounded up)", CLI_COUNT,
         &o.compressed},
        {"limit", "N", "images to look at, 0 for all (default 1000)", CLI_COUNT, &o.limit},
        {"batch", "N", "images at once (default 8)", CLI_COUNT, &o.batch},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.data || !o.output)
        return cli_usage(command, "wanted --data DIR and -o FILE");
    status = cli_check_model_options(command, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    status = cli_check_batch(command, o.batch);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    json_t *result = cli_result(command, &common);
    vc_status done = make(result, &o);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_autoencoder = {
    "autoencoder", "set up the auto-encoder of Q and K", "MODEL --data DIR -o FILE [options]",
    "Sets up ViTCoD's auto-encoder over the heads of Q and K with the best affine approximation of\n"
    "the given rank: the leading eigenvectors of the heads' covariance over images. A good start\n"
    "for finetuning: vitcod train --init MODEL --autoencoder FILE.",
    run_autoencoder};
