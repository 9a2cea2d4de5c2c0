#include <stdio.h>
#include <string.h>

#include "attention.h"
#include "commands.h"
#include "open_plan.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/device.h"
#include "vitcod/file.h"
#include "vitcod/image_array.h"
#include "vitcod/plural.h"

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
    {VC_FIELD(attention_result, summaries, "", "kinds of summaries that were averaged"), VC_KNOWN},
    {VC_FIELD(attention_result, heads_images, "images", "that heads were measured on"),
     VC_WHEN(attention_result, gathered)},
};
static const vc_record result_record = VC_RECORD("attention", attention_result, result_fields);

static vc_status collect_from_array(const attention_options *o, const vc_model *model,
                                    vc_dense_stats *stats)
{
    vc_npy input;
    cli_note_precision(VC_IN_FP32);
    VC_TRY(vc_image_array_open(&input, o->input, model));
    size_t images = input.tensor.shape[0];
    if (o->data.limit > 0 && o->data.limit < images)
        images = o->data.limit;
    if (images < input.tensor.shape[0])
        cli_note_chosen("the first %zu of --input", images);
    const vc_status status =
        attention_has_device(o)
            ? attention_on_device(NULL, o, model, stats, input.tensor.data, images)
            : vc_dense_look_at_array(stats, input.tensor.data, images, o->data.batch);
    vc_npy_close(&input);
    return status;
}

static vc_status collect(attention_result *result, const attention_options *o,
                         const vc_model *model, vc_dense_stats *stats)
{
    const vc_tap tap = vc_dense_stats_tap(stats);
    const int first = vc_comm_rank() == 0; /* which writes */
    cli_data_options data = o->data;
    data.turns = &stats->turns;
    if (first)
        VC_TRY(stats->groups > 1 ? vc_directory_make(o->output) : vc_file_try(o->output));
    VC_TRY(first && o->scores ? vc_file_try(o->scores) : VC_OK);
    VC_TRY(o->input ? collect_from_array(o, model, stats)
           : attention_has_device(o)
               ? attention_on_device(&result->seen, o, model, stats, NULL, 0)
               : cli_tap_data(&result->seen, model, &data, "attention", &tap));
    VC_TRY(stats->status);
    if (o->data.together)
        VC_TRY(vc_dense_stats_share(stats));
    return first ? vc_dense_stats_write(stats, o->output, o->scores) : VC_OK;
}

static vc_status average_maps(attention_result *result, const attention_options *o,
                              const vc_model *model)
{
    vc_dense_stats stats = {0};
    vc_status status =
        vc_dense_stats_open(&stats, model, o->data.batch, o->scores != NULL, o->beyond_mean);
    if (status == VC_OK)
        status = collect(result, o, model, &stats);
    result->seen.images = stats.attention[0].images;
    result->scores = o->scores;
    vc_dense_stats_close(&stats);
    return status;
}

static vc_status average_attention(attention_result *result, const attention_options *o)
{
    vc_model *model;
    const int measures = o->gathers && vc_plan_recipe_measures(&o->recipe);
    VC_TRY(cli_open_without_plan(&model, &result->plan_left_out, &o->model,
                                 measures ? CLI_TRAIN : CLI_RUN));
    const vc_status status =
        o->gathers ? attention_gather(result, o, model) : average_maps(result, o, model);
    result->of_data = o->input == NULL;
    result->changed = o->data.train_transforms;
    result->poses = vc_model_input_of(&model->config).joints > 0;
    if (result->of_data && !result->poses)
        result->transforms = result->changed ? "training" : "centre crop";
    result->maps = o->output;
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    const attention_result *r = result;
    cli_print_without_plan(r->plan_left_out);
    printf("%s: attention averaged over %zu %s%s\n", r->maps, r->seen.images,
           vc_samples(r->poses, r->seen.images), r->changed ? ", changed as in training" : "");
    if (r->summaries[0])
        printf("  and for summaries %s\n", r->summaries);
    if (r->heads_images > 0)
        printf("  what sparsity costs each head, by %zu %s\n", r->heads_images,
               vc_samples(r->poses, r->heads_images));
}

static size_t list_options(cli_option *list, attention_options *o)
{
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o->data),
        {"input", "FILE", "or npy, float32 (N, channels, H, W), normalised", CLI_TEXT, &o->input,
         .files = "npy"},
        {"output", "PATH",
         "npy of the averaged maps (L, H, T, T); LeViT: a folder of them; with --summary or --rule "
         "one file (safetensors) with what these need",
         CLI_STREAM, &o->output, .form = &cli_form_maps},
        {"summary", "auto|none|GRID",
         "also what these summaries need, as in calibrate: 3x3, 3x3q, 3x3s1.5, of frames 9x1, by "
         "layer 3x3*9,1x1q*3; auto: all that it chooses among",
         CLI_TEXT, &o->recipe.summaries},
        {"rule", "NAME",
         "also what this rule of `vitcod prune` needs: measured (default with --summary), what "
         "sparsity costs each head; budget, scores",
         CLI_TEXT, &o->recipe.rule, .word = cli_learning_rule_name},
        {"curves", "FILE", "what sparsity costs each head, as JSON", CLI_WRITTEN, &o->recipe.curves,
         .form = &cli_form_curves},
        {"resume", NULL, "go on where measuring of heads was stopped", CLI_FLAG, &o->resume},
        {"statistics", "N", "average over N images, spread evenly; 0: all (default)", CLI_COUNT,
         &o->data.spread},
        {"hold-back", "X|N,..",
         "leave out the share, or number of images (of poses: sequences), of each --data that "
         "calibrate judges by",
         CLI_TEXT, &o->hold_back},
        {"scores", "FILE",
         "also the same times the norm of each projected value: rule threshold on it is `budget`",
         CLI_WRITTEN, &o->scores, .form = &cli_form_scores},
        {"beyond-mean", NULL, "scores: of what a value has beyond the mean, for a residual",
         CLI_FLAG, &o->beyond_mean},
        {"train-transforms", NULL,
         "images as DeiT learns from them (random resized crops, flips, RandAugment, erasing), as "
         "in ViTCoD's code, in place of centre crops",
         CLI_FLAG, &o->data.train_transforms},
        {"device", "cpu|opencl|cuda|NAME:N", "what makes and averages the maps (default cpu)",
         CLI_TEXT, &o->device},
        CLI_ARCH_OPTION(o->model),
        CLI_MODEL_OPTIONS(o->model),
        CLI_INPUT_OPTIONS(o->model),
    };
    return cli_add_options(list, 0, options, sizeof options / sizeof *options);
}

static int check(const cli_command *command, const attention_options *o)
{
    const vc_backend *backend;
    size_t index;
    if (!o->output || (o->data.paths.count == 0) == !o->input)
        return cli_usage(command, "wanted -o PATH and one of --data and --input");
    if (o->input && (o->data.sample > 0 || o->data.train_transforms))
        return cli_usage(command, "--sample and --train-transforms belong to --data");
    if (o->input && (o->hold_back || o->data.spread > 0 || o->gathers))
        return cli_usage(command, "--hold-back, --statistics, --summary and --rule belong to "
                                  "--data");
    if (o->data.train_transforms && o->model.crop_pct > 0.0)
        return cli_usage(command, "--train-transforms crops at random: no --crop-pct");
    if (o->input && (o->data.classes || o->data.skip_broken || o->model.crop_pct > 0.0))
        return cli_usage(command, "--classes, --crop-pct and --skip-broken belong to --data");
    if (o->model.plan && !cli_is_none(o->model.plan))
        return cli_usage(command, "on a plan no map is made: wanted --mask instead of --plan");
    if (o->device && vc_device_find(&backend, &index, o->device) != VC_OK)
        return cli_usage(command, "--device: %s", vc_last_error());
    if (attention_has_device(o) && (o->recipe.rule || o->recipe.summaries || o->scores))
        return cli_usage(command, "a device averages maps alone: --scores, --summary and --rule "
                                  "are the CPU's");
    if (o->beyond_mean && !o->scores)
        return cli_usage(command, "--beyond-mean belongs to --scores");
    return CLI_CONTINUE;
}

/* Rule and summaries are taken together, as calibrate does. */
static int take_recipe(const cli_command *command, attention_options *o)
{
    const char *residual = NULL;
    vc_plan_recipe *r = &o->recipe;
    o->gathers = r->rule || r->summaries;
    if (!o->gathers && (r->curves || o->resume))
        return cli_usage(command, "--curves and --resume belong to --summary and --rule measured");
    if (!o->gathers)
        return CLI_CONTINUE;
    if (o->scores || o->data.train_transforms || o->model.mask)
        return cli_usage(command, "--scores, --train-transforms and --mask do not go together with "
                                  "--summary and --rule");
    r->images = o->data.spread;
    if (vc_plan_recipe_settle(r, &residual) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    if ((r->curves || o->resume) && !vc_plan_recipe_measures(r))
        return cli_usage(command, "--curves and --resume belong to rule measured");
    return cli_check_rule(command, r->rule);
}

static int take_options(const cli_command *command, attention_options *o,
                        const cli_arguments *arguments, const cli_common *common)
{
    int status = take_recipe(command, o);
    if (status == CLI_CONTINUE)
        status = check(command, o);
    if (status == CLI_CONTINUE)
        status = cli_take_model(command, &o->model, arguments, common);
    o->data.seed = common->seed;
    if (status == CLI_CONTINUE && o->hold_back)
        status = cli_take_hold_back(command, o->held, o->data.paths.count, o->hold_back);
    o->data.held = o->hold_back ? o->held : NULL;
    if (status == CLI_CONTINUE)
        status = cli_check_some(command, &o->data.limit, o->data.sample, 0);
    return status == CLI_CONTINUE ? cli_check_data_options(command, &o->data) : status;
}

/* Everything that the file depends on. */
static json_t *settings_of(const attention_options *o, const cli_option *options, size_t count)
{
    static const char *const places[] = {"output", "curves", "resume", "skip-broken", NULL};
    json_t *all = cli_settings(options, count, places);
    if (o->model.path)
        vc_json_set(&all, "MODEL", vc_json_text(o->model.path));
    vc_json_set(&all, "--seed", json_integer((json_int_t)o->data.seed));
    return all;
}

static int run_attention(const cli_command *command, int argc, char **argv)
{
    attention_options o = {.data = cli_data_options_default("train")};
    cli_option options[CLI_MOST_OPTIONS];
    const size_t count = list_options(options, &o);
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, count, &common, &arguments, 0, 1, argc, argv);
    if (status == CLI_CONTINUE)
        status = take_options(command, &o, &arguments, &common);
    if (status != CLI_CONTINUE)
        return status;
    if (vc_comm_open() != VC_OK)
        return cli_fail();
    const int tells = vc_comm_rank() == 0;
    o.data.together = vc_comm_size() > 1;
    o.settings = o.gathers ? settings_of(&o, options, count) : NULL;
    attention_result result = {0};
    const vc_status done = o.settings || !o.gathers
                               ? average_attention(&result, &o)
                               : vc_fail(VC_EINVAL, "a path that is no UTF-8 cannot be remembered");
    json_decref(o.settings);
    status = cli_end_together(command, &common, done, &result, print_text);
    if (tells)
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
    "attention_score_subsample0.npy, .. With --summary or --rule what these need is averaged and "
    "measured too, and all of it goes into one file, from which `vitcod prune` makes the plan that "
    "`vitcod calibrate` would make. "
    "Several processes (mpirun -n N) share the batches, with the files of one.",
    run_attention,
    &result_record,
    "vitcod attention deit_tiny.safetensors --data photos -o maps.npy\n"
    "vitcod attention deit_tiny.safetensors --data photos --summary auto \\\n"
    "    -o attention.safetensors"};
