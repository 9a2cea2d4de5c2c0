#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "coded.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/attention_info.h"
#include "vitcod/file_kind.h"
#include "vitcod/model_info.h"
#include "vitcod/preset_list.h"

typedef struct info_result {
    bool of_model, of_attention, of_presets;
    vc_preset_list presets;
    vc_model_info model;
    vc_attention_info attention;
} info_result;

static const vc_field result_fields[] = {
    {VC_FIELD_INLINE(info_result, model, &vc_model_info_record), VC_WHEN(info_result, of_model)},
    {VC_FIELD_INLINE(info_result, attention, &vc_attention_info_record),
     VC_WHEN(info_result, of_attention)},
    {VC_FIELD_RECORDS(info_result, presets.list, presets.count, "presets", &vc_preset_record,
                      "by timm's names, of --list"),
     VC_WHEN(info_result, of_presets)},
};
static const vc_record result_record = VC_RECORD("info", info_result, result_fields);

#define WANTED "a model, a plan, a mask or averaged attention"

/* `plan`: NULL where attention is dense. */
static vc_status describe(vc_model_info *result, const vc_model_config *config, const vc_plan *plan,
                          const cli_model_options *options)
{
    const char *name = options->arch ? options->arch : options->path;
    return vc_model_info_open(result, name, config, plan, !options->plan);
}

static vc_status describe_preset(vc_model_info *result, const cli_model_options *options)
{
    vc_model_config config;
    vc_plan plan;
    VC_TRY(cli_preset(&config, options));
    if (!options->plan || cli_is_none(options->plan))
        return describe(result, &config, NULL, options);
    VC_TRY(vc_plan_read(&plan, options->plan));
    vc_status status = vc_model_check_plan(&config, &plan, options->plan);
    if (status == VC_OK)
        status = describe(result, &config, &plan, options);
    vc_plan_close(&plan);
    return status;
}

static vc_status open_and_describe(vc_model_info *result, const cli_model_options *options)
{
    vc_model *model;
    if (options->arch)
        return describe_preset(result, options);
    VC_TRY(cli_open_model(&model, options, CLI_RUN));
    const vc_status status = describe(result, &model->config, vc_model_plan(model), options);
    vc_model_close(model);
    return status;
}

static void print_number(const char *name, uint64_t value)
{
    printf("  %-18s %llu\n", name, (unsigned long long)value);
}

static void print_size(const char *name, const json_t *value)
{
    if (json_is_number(value))
        printf("  %-18s %.15g\n", name, json_number_value(value));
    else if (json_string_length(value) > 0 || json_is_true(value))
        printf("  %-18s %s\n", name, json_is_true(value) ? "yes" : json_string_value(value));
}

/* The family's, but for the patches'; what has more words, or says no, is left to --json. */
static void print_sizes(json_t *sizes)
{
    const char *name;
    json_t *value;
    json_object_foreach (sizes, name, value)
        if (strncmp(name, "patch", 5) != 0)
            print_size(name, value);
}

static void print_pixels(const char *name, size_t height, size_t width)
{
    char text[VC_EXTENT_TEXT];
    printf("  %-18s %s\n", name, vc_extent_words(text, (vc_extent){height, width}));
}

static size_t size_of(const vc_model_info *r, const char *name)
{
    return (size_t)json_integer_value(json_object_get(r->sizes, name));
}

static void print_numbers(const vc_model_info *r)
{
    if (r->input.pictures) {
        print_pixels("image", r->input.image_height, r->input.image_width);
        print_size("patch", json_object_get(r->sizes, "patch"));
        if (json_object_get(r->sizes, "patch_height"))
            print_pixels("patch", size_of(r, "patch_height"), size_of(r, "patch_width"));
        print_number("channels", r->input.channels);
    }
    print_number("classes", r->classes);
    print_sizes(r->sizes);
    print_number("parameters", r->parameters);
    print_number("macs", r->macs);
    print_number("attention_macs", r->attention_macs);
}

/* How it wants images, and what of all that is a guess. */
static void print_input(const vc_model_info *r)
{
    const struct {
        const char *name;
        const float *values;
    } lists[] = {{"mean", r->input.mean}, {"std", r->input.std}};
    for (size_t i = 0; r->input.pictures && i < 2; i++) {
        printf("  %-18s", lists[i].name);
        for (size_t c = 0; c < r->input.channels; c++)
            printf(" %g", (double)lists[i].values[c]);
        putchar('\n');
    }
    if (r->input.pictures)
        printf("  %-18s %s\n  %-18s %g\n", "interpolation", r->input.interpolation, "crop_pct",
               r->input.crop_pct);
    if (r->known_as[0])
        printf("  %-18s %s\n", "known_as", r->known_as);
    if (r->guessed[0])
        printf("guessed: %s\n", r->guessed);
}

static void print_summaries(const vc_plan_summary *p)
{
    size_t least = SIZE_MAX, most = 0;
    for (size_t l = 0; l < p->summary_layers; l++) {
        least = p->summaries[l] < least ? p->summaries[l] : least;
        most = p->summaries[l] > most ? p->summaries[l] : most;
    }
    printf(", %zu to %zu summaries in a layer", least, most);
}

static void print_plan(const vc_model_info *r)
{
    const vc_plan_summary *p = &r->plan;
    int32_t least = INT32_MAX, most = 0;
    for (size_t l = 0; l < p->layers; l++)
        for (size_t h = 0; h < p->global_tokens[l].heads; h++) {
            const int32_t n = p->global_tokens[l].of_heads[h];
            least = n < least ? n : least;
            most = n > most ? n : most;
        }
    printf("plan%s: %s, %.2f %% pruned, %d to %d global tokens in a head",
           r->inside ? " inside" : "", p->method, 100.0 * (1.0 - p->kept_share), least, most);
    if (p->has_summaries)
        print_summaries(p);
    printf(", threshold %llu\n", (unsigned long long)p->threshold);
}

static void print_model(const vc_model_info *r)
{
    printf("%s: %s\n", r->model, r->architecture);
    print_numbers(r);
    print_input(r);
    puts("attention     layers  heads  queries   keys  head dim  value dim  compressed");
    for (size_t g = 0; g < r->group_count; g++) {
        const vc_model_info_attention *a = &r->groups[g];
        printf("  %-11s %6zu %6zu %8zu %6zu %9zu %10zu %8s %3zu\n", a->group, a->layers, a->heads,
               a->queries, a->keys, a->head_dim, a->value_dim, a->compressed_of,
               a->compressed_heads);
    }
    if (r->has_plan)
        print_plan(r);
    puts("operator               MACs   share");
    for (size_t k = 0; k < VC_OP_COUNT; k++)
        if (r->macs_by_operator[k])
            printf("  %-11s %13llu  %5.1f %%\n", vc_op_name((vc_op_kind)k),
                   (unsigned long long)r->macs_by_operator[k],
                   100.0 * (double)r->macs_by_operator[k] / (double)r->macs);
}

static void print_text(const void *result)
{
    const info_result *r = result;
    if (r->of_presets)
        vc_preset_list_print(stdout, &r->presets);
    else if (r->of_attention)
        vc_attention_info_print(stdout, &r->attention);
    else
        print_model(&r->model);
}

/* A broken model says what is broken, anything else what it is. */
static vc_status refuse(vc_status status, const char *path)
{
    const vc_file_kind kind = vc_file_kind_of(path);
    if (status != VC_EFORMAT || kind == VC_FILE_MODEL || kind == VC_FILE_TENSORS)
        return status;
    if (kind != VC_FILE_OTHER)
        return vc_file_refuse_path(path, WANTED);
    char why[4 * VC_GROUP_PATH];
    snprintf(why, sizeof why, "%s", vc_last_error());
    return vc_fail(status, "%s; info takes a plan, a mask and averaged attention as well", why);
}

static vc_status look(info_result *result, const cli_model_options *options)
{
    if (result->of_presets)
        return vc_preset_list_open(&result->presets);
    if (result->of_attention)
        return vc_attention_info_open(&result->attention, options->path);
    const vc_status status = open_and_describe(&result->model, options);
    return status == VC_OK || options->arch ? status : refuse(status, options->path);
}

/* What only a model has. */
static int check(const cli_command *command, const cli_model_options *o)
{
    const struct {
        const char *name;
        int given;
    } of_models[] = {
        {"plan", o->plan != NULL},       {"autoencoder", o->autoencoder != NULL},
        {"heads", o->heads != 0},        {"activation", o->activation != NULL},
        {"weights", o->weights != NULL}, {"image-size", vc_extent_area(o->image_size) != 0},
        {"mean", o->mean != NULL},       {"interpolation", o->interpolation != NULL},
        {"std", o->std != NULL},         {"crop-pct", o->crop_pct != 0.0}};
    for (size_t i = 0; i < sizeof of_models / sizeof *of_models; i++)
        if (of_models[i].given)
            return cli_usage(command, "--%s belongs to a MODEL, which %s is not", of_models[i].name,
                             o->path);
    return CLI_CONTINUE;
}

static int run_info(const cli_command *command, int argc, char **argv)
{
    cli_model_options o = {0};
    int list = 0;
    const cli_option options[] = {
        {"arch", "NAME", "instead of MODEL: a preset by timm's name", CLI_TEXT, &o.arch,
         .word = vc_model_preset_name},
        {"list", NULL, "all presets: sizes, parameters, how they want images", CLI_FLAG, &list},
        {"autoencoder", "FILE", "a file with the auto-encoder's weights", CLI_TEXT, &o.autoencoder,
         .files = "safetensors"},
        {"plan", "FILE|none",
         "attention on this plan, or none (default: the one inside MODEL, if any)", CLI_TEXT,
         &o.plan, .files = "safetensors"},
        CLI_IMAGE_SIZE_OPTION(o),
        CLI_WEIGHTS_OPTION(o),
        CLI_INPUT_OPTIONS(o),
        CLI_TOLD_OPTIONS(o),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (list && (arguments.count > 0 || o.arch))
        return cli_usage(command, "--list goes with no MODEL and no --arch");
    if (!list)
        status = cli_take_model(command, &o, &arguments, &common);
    if (status != CLI_CONTINUE)
        return status;
    info_result result = {.of_attention = o.path && vc_attention_info_is(o.path),
                          .of_presets = list};
    result.of_model = !result.of_attention && !list;
    if (result.of_attention && (status = check(command, &o)) != CLI_CONTINUE)
        return status;
    const vc_status done = look(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    vc_model_info_close(&result.model);
    vc_attention_info_close(&result.attention);
    vc_preset_list_close(&result.presets);
    return status;
}

const cli_command cmd_info = {
    "info",
    "what a model, plan, mask or averaged attention holds",
    "MODEL|--arch NAME|--list [options]|PLAN|MASK|MAPS",
    "Says what a checkpoint, or a preset, holds: layers, learnt parameters, the plan inside, and "
    "the MACs of each operator for one image, with dense attention or on a plan. Presets are "
    "timm's names, which --list gives. "
    "Of a PLAN: what it does about pruned entries, global tokens, sparsity and shape of each "
    "layer, threshold, hash. Of a MASK (npy, or a folder of mask_<group>.npy): shape, sparsity "
    "and empty rows, and the hash that results have. Of MAPS (npy, or a folder of "
    "attention_score_<group>.npy): shape, sums of rows, which are 1 in averaged attention, and "
    "rows with equal scores.",
    run_info,
    &result_record,
    "vitcod info deit_tiny.safetensors\n"
    "vitcod info mask.npy --csv\n"
    "vitcod info --arch levit_128"};
