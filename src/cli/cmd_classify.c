#include <stdio.h>

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
    const char *classes;
    double crop_fraction;
    int skip_broken, json;
    cli_engine_options engine;
} classify_options;

/* What is told of the images, one after the other. */
typedef struct told {
    const classify_options *o;
    const vc_source *source;
    json_t *images;
} told;

static json_t *classes_json(const vc_ranked_class *best, size_t top, const vc_source *source)
{
    json_t *list = json_array();
    for (size_t i = 0; i < top; i++)
        json_array_append_new(list, json_pack("{s:I, s:o, s:f}", "class", (json_int_t)best[i].class,
                                              "name",
                                              cli_text(vc_source_class_name(source, best[i].class)),
                                              "probability", best[i].probability));
    return list;
}

static void print_image(const json_t *image)
{
    size_t i;
    json_t *class;
    printf("%s\n", json_string_value(json_object_get(image, "image")));
    json_array_foreach (json_object_get(image, "top"), i, class)
        printf("  %6.2f %%  %5lld  %s\n",
               100.0 * json_real_value(json_object_get(class, "probability")),
               (long long)json_integer_value(json_object_get(class, "class")),
               json_string_value(json_object_get(class, "name")));
    fflush(stdout);
}

static void on_image(void *context, size_t index, const vc_ranked_class *best)
{
    const told *t = context;
    json_t *image = json_pack("{s:o, s:o}", "image", cli_text(t->o->images[index]), "top",
                              classes_json(best, t->o->top, t->source));
    json_array_append_new(t->images, image);
    if (!t->o->json)
        print_image(image);
}

static vc_status classify_images(json_t *result, const classify_options *o, const vc_model *model,
                                 vc_source *source)
{
    told t = {o, source, json_array()};
    cli_broken_images broken = {.names = json_array()};
    const vc_classify_options how = {.engine = cli_engine_how(&o->engine, 1),
                                     .crop_fraction = o->crop_fraction,
                                     .top = o->top,
                                     .on_broken = cli_on_broken,
                                     .broken_context = &broken,
                                     .on_image = on_image,
                                     .context = &t};
    cli_add_split(result, vc_engine_split(model, &how.engine));
    json_object_set_new(result, "images", t.images);
    json_object_set_new(result, "broken_images", broken.names);
    return vc_classify(model, source, &how);
}

static vc_status classify(json_t *result, classify_options *o)
{
    vc_model *model;
    vc_source *source;
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    if (vc_model_plan(model))
        cli_add_plan_hash(result, vc_model_plan(model));
    size_t classes = vc_model_input_of(&model->config).classes;
    vc_status status = vc_model_check_classifier(&model->config);
    if (status == VC_OK)
        status = vc_source_of_files(&source, o->images, o->count, o->classes);
    if (status == VC_OK) {
        size_t named = vc_source_named(source);
        if (o->classes && named != classes)
            status = vc_fail(VC_EINVAL, "%s: names %zu classes, the model has %zu", o->classes,
                             named, classes);
        if (status == VC_OK && o->top == SIZE_MAX) /* not asked for */
            o->top = classes < 5 ? classes : 5;
        if (status == VC_OK && o->top > classes)
            status = vc_fail(VC_EINVAL, "the best %zu of %zu classes", o->top, classes);
        if (status == VC_OK)
            status = classify_images(result, o, model, source);
        vc_source_close(source);
    }
    vc_model_close(model);
    return status;
}

static void print_text(const json_t *result)
{
    (void)result; /* each image was printed when it was done */
}

static int run_classify(const cli_command *command, int argc, char **argv)
{
    classify_options o = {.top = SIZE_MAX,
                          .crop_fraction = cli_data_options_default("test").crop_fraction};
    const cli_option options[] = {
        {"top", "N", "the best N classes (default 5, or all of fewer)", CLI_COUNT, &o.top},
        {"classes", "FILE", "class list: line i names class i, after its folder's name", CLI_TEXT,
         &o.classes},
        {"crop-fraction", "X",
         "share of the shorter side that the model sees (default 0.875: 224 of 256)", CLI_NUMBER,
         &o.crop_fraction},
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o.skip_broken},
        CLI_MODEL_OPTIONS(o.model),
        CLI_ENGINE_OPTIONS(o.engine),
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
    data.crop_fraction = o.crop_fraction;
    data.skip_broken = o.skip_broken;
    status = cli_check_data_options(command, &data);
    if (status == CLI_CONTINUE)
        status = cli_check_model_options(command, &o.model);
    if (status == CLI_CONTINUE)
        status = cli_check_engine_options(command, &o.engine);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    o.images = arguments.positional + 1;
    o.count = arguments.count - 1;
    o.json = common.json;
    json_t *result = cli_result(command, &common);
    vc_status done = classify(result, &o);
    return cli_finish_data(result, done, &data, common.json, print_text);
}

const cli_command cmd_classify = {
    "classify",
    "what is on an image: the likeliest classes",
    "MODEL IMAGE... [--top N]",
    "Classifies JPEG and PNG files: the likeliest classes with their probabilities, one image after\n"
    "the other. Shorter side bicubically to 8/7 of the model's side (256 for 224), then its centre.",
    run_classify,
    NULL};
