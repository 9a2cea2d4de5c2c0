#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_data.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/distill.h"
#include "vitcod/file.h"
#include "vitcod/image_array.h"
#include "vitcod/plural.h"

typedef struct attention_options {
    cli_model_options model;
    cli_data_options data;
    const char *input, *output, *scores;
    int beyond_mean;
} attention_options;

typedef struct attention_result {
    const char *plan_left_out;
    cli_images seen;
    bool of_data;
    const char *maps, *scores, *transforms;
} attention_result;

static const vc_field result_fields[] = {
    {VC_FIELD(attention_result, plan_left_out, "", "model whose plan is left out"), VC_KNOWN},
    {VC_FIELD_AS(attention_result, seen.images, "images", "", "that were averaged over")},
    {VC_FIELD_LIST(attention_result, seen.broken, seen.broken_count, "broken_images", "",
                   "images that could not be read"),
     VC_WHEN(attention_result, of_data)},
    {VC_FIELD(attention_result, transforms, "",
              "of the images: centre crop, as evaluated; training, as DeiT learns from them"),
     VC_KNOWN},
    {VC_FIELD(attention_result, maps, "", "file or folder of the averaged attention")},
    {VC_FIELD(attention_result, scores, "", "the same times the norm of each value"), VC_KNOWN},
};
static const vc_record result_record = VC_RECORD("attention", attention_result, result_fields);

static vc_status collect_from_array(const attention_options *o, const vc_model *model,
                                    const vc_tap *tap)
{
    vc_npy input;
    cli_note_precision(VC_IN_FP32);
    VC_TRY(vc_image_array_open(&input, o->input, model));
    size_t images = input.tensor.shape[0];
    if (o->data.limit > 0 && o->data.limit < images)
        images = o->data.limit;
    if (images < input.tensor.shape[0])
        cli_note_chosen("the first %zu of --input", images);
    const vc_status status = vc_tap_images(model, input.tensor.data, images, o->data.batch, tap);
    vc_npy_close(&input);
    return status;
}

static vc_status collect(attention_result *result, const attention_options *o,
                         const vc_model *model, vc_dense_stats *stats)
{
    const vc_tap tap = vc_dense_stats_tap(stats);
    VC_TRY(stats->groups > 1 ? vc_directory_make(o->output) : vc_file_try(o->output));
    if (o->scores)
        VC_TRY(vc_file_try(o->scores));
    VC_TRY(o->input ? collect_from_array(o, model, &tap)
                    : cli_tap_data(&result->seen, model, &o->data, "attention", &tap));
    VC_TRY(stats->status);
    return vc_dense_stats_write(stats, o->output, o->scores);
}

static vc_status average_attention(attention_result *result, const attention_options *o)
{
    vc_model *model;
    vc_dense_stats stats = {0};
    VC_TRY(cli_open_without_plan(&model, &result->plan_left_out, &o->model, CLI_RUN));
    vc_status status =
        vc_dense_stats_open(&stats, model, o->data.batch, o->scores != NULL, o->beyond_mean);
    if (status == VC_OK)
        status = collect(result, o, model, &stats);
    result->seen.images = stats.attention[0].images;
    result->of_data = o->input == NULL;
    if (result->of_data)
        result->transforms = o->data.train_transforms ? "training" : "centre crop";
    result->maps = o->output;
    result->scores = o->scores;
    vc_dense_stats_close(&stats);
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const attention_result *r = result;
    cli_print_without_plan(r->plan_left_out);
    printf("%s: attention averaged over %zu %s%s\n", r->maps, r->seen.images,
           vc_plural(r->seen.images, "image", "images"),
           r->transforms && strcmp(r->transforms, "training") == 0 ? ", changed as in training"
                                                                   : "");
}

static int run_attention(const cli_command *command, int argc, char **argv)
{
    attention_options o = {.data = cli_data_options_default("train")};
    o.data.batch = 8;
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o.data),
        {"input", "FILE", "or npy, float32 (N, channels, H, W), normalised", CLI_TEXT, &o.input,
         .files = "npy"},
        {"output", "PATH", "npy of the averaged maps (L, H, T, T); LeViT: a folder of them",
         CLI_STREAM, &o.output, .form = &cli_form_maps},
        {"scores", "FILE",
         "also the same times the norm of each projected value: rule threshold on it is `budget`",
         CLI_WRITTEN, &o.scores, .form = &cli_form_scores},
        {"beyond-mean", NULL, "scores: of what a value has beyond the mean, for a residual",
         CLI_FLAG, &o.beyond_mean},
        {"train-transforms", NULL,
         "images as DeiT learns from them (random resized crops, flips, RandAugment, erasing), as "
         "in ViTCoD's code, in place of centre crops",
         CLI_FLAG, &o.data.train_transforms},
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_INPUT_OPTIONS(o.model),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.output || (o.data.paths.count == 0) == !o.input)
        return cli_usage(command, "wanted -o PATH and one of --data and --input");
    if (o.input && (o.data.sample > 0 || o.data.train_transforms))
        return cli_usage(command, "--sample and --train-transforms belong to --data");
    if (o.data.train_transforms && o.model.crop_pct > 0.0)
        return cli_usage(command, "--train-transforms crops at random: no --crop-pct");
    if (o.input && (o.data.classes || o.data.skip_broken || o.model.crop_pct > 0.0))
        return cli_usage(command, "--classes, --crop-pct and --skip-broken belong to --data");
    if (o.model.plan && !cli_is_none(o.model.plan))
        return cli_usage(command, "on a plan no map is made: wanted --mask instead of --plan");
    if (o.beyond_mean && !o.scores)
        return cli_usage(command, "--beyond-mean belongs to --scores");
    status = cli_take_model(command, &o.model, &arguments, &common);
    o.data.seed = common.seed;
    if (status == CLI_CONTINUE)
        status = cli_check_some(command, &o.data.limit, o.data.sample, 0);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status != CLI_CONTINUE)
        return status;
    attention_result result = {0};
    const vc_status done = average_attention(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    status = cli_judge_images(status, &result.seen, o.data.skip_broken);
    cli_images_free(&result.seen);
    return status;
}

const cli_command cmd_attention = {
    "attention",
    "average the attention maps over images",
    "MODEL --data PATH|--input X.npy -o MAPS",
    "Averages softmax(Q K^T) of every layer and head over images: what pruning starts from. "
    "Images need no labels and may lie anywhere below PATH. A plan inside the model is left out. "
    "A model in groups of layers (LeViT) gets a folder: attention_score_dpt0.npy, "
    "attention_score_subsample0.npy, ..",
    run_attention,
    &result_record,
    "vitcod attention deit_tiny.safetensors --data photos -o maps.npy"};
