#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "open_data.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/classify.h"

typedef struct classify_options {
    cli_model_options model;
    const char *const *images;
    size_t count, top;
    const char *classes, *exif;
    int skip_broken, convert, quiet;
    cli_engine_options engine;
} classify_options;

typedef struct classify_result {
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *split;
    vc_classified *images; /* (vc_source_count(source)) */
    size_t image_count;
    cli_images seen;
    vc_source *source; /* which the names of classes belong to */
} classify_result;

static const vc_field result_fields[] = {
    {VC_FIELD(classify_result, plan_hash, "", "of the plan that attention ran on"), VC_KNOWN},
    {VC_FIELD(classify_result, split, "", CLI_SPLIT_MEANING)},
    {VC_FIELD_RECORDS(classify_result, images, image_count, "images", &vc_classified_record,
                      "images that could be read")},
    {VC_FIELD_LIST(classify_result, seen.broken, seen.broken_count, "broken_images", "",
                   "images that could not be read")},
};
static const vc_record result_record = VC_RECORD("classify", classify_result, result_fields);

static void print_image(const vc_classified *image)
{
    printf("%s\n", image->image);
    for (size_t i = 0; i < image->top_count; i++)
        printf("  %6.2f %%  %5zu  %s\n", 100.0 * image->top[i].probability, image->top[i].index,
               image->top[i].name);
    fflush(stdout);
}

/* What is told of the images, one after the other. */
typedef struct told {
    const classify_options *o;
    classify_result *result;
} told;

static void on_image(void *context, size_t index, const vc_ranked_class *best)
{
    const told *t = context;
    classify_result *result = t->result;
    vc_classified *image = &result->images[result->image_count];
    char name[VC_SOURCE_NAME];
    vc_source_name(name, result->source, index);
    if (vc_classified_open(image, name, best, t->o->top, result->source) != VC_OK) {
        result->seen.out_of_memory = true;
        return;
    }
    result->image_count++;
    if (!t->o->quiet)
        print_image(image);
}

static vc_status classify_images(classify_result *result, const classify_options *o,
                                 const vc_model *model)
{
    told t = {o, result};
    const vc_classify_options how = {.engine = cli_engine_how(&o->engine, model, 1),
                                     .top = o->top,
                                     .on_broken = cli_on_broken,
                                     .broken_context = &result->seen,
                                     .on_image = on_image,
                                     .context = &t};
    result->split = vc_pattern_split_name(vc_engine_split(model, &how.engine));
    const size_t count = vc_source_count(result->source);
    result->images = calloc(count, sizeof *result->images);
    if (!result->images)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", count);
    VC_TRY(vc_classify(model, result->source, &how));
    return result->seen.out_of_memory ? vc_fail(VC_ENOMEM, "out of memory for what the images show")
                                      : VC_OK;
}

static vc_status check_classes(classify_options *o, const vc_source *source, size_t classes)
{
    const size_t named = vc_source_named(source);
    if (o->classes && named != classes)
        return vc_fail(VC_EINVAL, "%s: names %zu classes, the model has %zu", o->classes, named,
                       classes);
    if (o->top == SIZE_MAX) /* not asked for */
        o->top = classes < 5 ? classes : 5;
    if (o->top > classes)
        return vc_fail(VC_EINVAL, "the best %zu of %zu classes", o->top, classes);
    return VC_OK;
}

static vc_status classify(classify_result *result, classify_options *o)
{
    const vc_source_options how = {.classes = o->classes, .upright = cli_is_upright(o->exif)};
    vc_model *model;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    vc_status status = vc_model_check_classifier(&model->config);
    if (status == VC_OK)
        status = vc_source_of_files(&result->source, o->images, o->count, &how);
    if (status == VC_OK && !o->classes)
        status = vc_source_name_classes(result->source, (const char *const *)model->class_names,
                                        model->class_name_count);
    if (status == VC_OK && o->convert)
        vc_source_convert(result->source);
    if (status == VC_OK)
        status = check_classes(o, result->source, vc_model_input_of(&model->config).classes);
    if (status == VC_OK)
        status = classify_images(result, o, model);
    vc_model_close(model);
    return status;
}

static void print_text(const void *result)
{
    (void)result; /* each image was printed when it was done */
}

static int run_classify(const cli_command *command, int argc, char **argv)
{
    classify_options o = {.top = SIZE_MAX, .exif = "on"};
    const cli_option options[] = {
        {"top", "N", "the best N classes (default 5, or all of fewer)", CLI_COUNT, &o.top},
        {"classes", "FILE",
         "class list: line i names class i, after its folder's name (default: the model's names)",
         CLI_TEXT, &o.classes, .files = "txt"},
        CLI_EXIF_OPTION(o.exif, "on"),
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o.skip_broken},
        CLI_CONVERT_OPTION(o.convert),
        CLI_MODEL_OPTIONS(o.model),
        CLI_INPUT_OPTIONS(o.model),
        CLI_ENGINE_OPTIONS(o.engine),
        CLI_CACHE_OPTION(o.engine),
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           2, SIZE_MAX, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.top == 0)
        return cli_usage(command, "--top is 0, wanted at least 1");
    cli_data_options data = cli_data_options_default("test");
    data.skip_broken = o.skip_broken;
    data.exif = o.exif;
    status = cli_check_data_options(command, &data);
    if (status == CLI_CONTINUE)
        status = cli_check_model_options(command, &o.model);
    if (status == CLI_CONTINUE)
        status = cli_take_engine(command, &o.engine, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    o.images = arguments.positional + 1;
    o.count = arguments.count - 1;
    o.quiet = cli_is_quiet(&common);
    classify_result result = {0};
    const vc_status done = classify(&result, &o);
    status = cli_end(command, &common, done, &result, print_text);
    status = cli_judge_images(status, &result.seen, o.skip_broken);
    for (size_t i = 0; i < result.image_count; i++)
        vc_classified_close(&result.images[i]);
    free(result.images);
    cli_images_free(&result.seen);
    vc_source_close(result.source);
    return status;
}

const cli_command cmd_classify = {
    "classify",
    "what is on an image: the likeliest classes",
    "MODEL IMAGE|FOLDER... [--top N]",
    "Classifies images (JPEG, PNG, WebP, GIF, BMP, TIFF, PPM; of a folder all below it): the "
    "likeliest classes with their probabilities, one image after the other. Turned upright by its "
    "EXIF data unless --exif off; then shorter side bicubically to 8/7 of the model's side (256 "
    "for 224), and its centre.",
    run_classify,
    &result_record,
    "vitcod classify deit_tiny.safetensors cat.jpg dog.png\n"
    "vitcod classify deit_tiny.safetensors cat.jpg --classes synsets.txt --top 3"};
