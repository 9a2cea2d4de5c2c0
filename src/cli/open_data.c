#include "open_data.h"

#include <stdio.h>
#include <string.h>

cli_data_options cli_data_options_default(const char *split)
{
    return (cli_data_options){
        .split = split, .batch = 16, .crop_fraction = vc_evaluate_options_default().crop_fraction};
}

int cli_check_data_options(const cli_command *command, const cli_data_options *options)
{
    if (strcmp(options->split, "train") != 0 && strcmp(options->split, "test") != 0)
        return cli_usage(command, "--split is '%s', wanted train or test", options->split);
    if (!(options->crop_fraction > 0.0 && options->crop_fraction <= 1.0))
        return cli_usage(command, "--crop-fraction is %g, wanted above 0 and at most 1",
                         options->crop_fraction);
    return cli_check_batch(command, options->batch);
}

void cli_on_broken(void *context, size_t index, const char *name, const char *message)
{
    cli_broken_images *b = context;
    (void)index;
    if (b->progress)
        vc_progress_end(b->progress);
    fprintf(stderr, "vitcod: %s\n", message);
    json_array_append_new(b->names, cli_text(name));
}

vc_status cli_open_source(vc_source **out, const cli_data_options *o, int labelled)
{
    const vc_source_options how = {.split = o->split, .classes = o->classes, .labelled = labelled};
    return vc_source_open(out, o->path, &how);
}

vc_status cli_run_over_source(json_t *result, vc_evaluation *out, const vc_model *model,
                              vc_source *source, const cli_data_options *o, const char *label,
                              const vc_runner *runner, vc_class_count *counts)
{
    vc_progress progress = vc_progress_begin(label, 1);
    cli_broken_images broken = {json_array(), &progress};
    vc_evaluate_options how = vc_evaluate_options_default();
    how.limit = o->limit;
    how.crop_fraction = o->crop_fraction;
    how.counts = counts;
    how.progress = &progress;
    how.on_broken = cli_on_broken;
    how.context = &broken;
    vc_status status = vc_evaluate(out, model, source, runner, &how);
    vc_progress_end(&progress);
    json_object_set_new(result, "images", json_integer((json_int_t)out->images));
    json_object_set_new(result, "broken_images", broken.names);
    return status;
}

vc_status cli_tap_data(json_t *result, const vc_model *model, const cli_data_options *o,
                       const char *label, const vc_tap *tap)
{
    vc_source *source;
    vc_evaluation ignored;
    vc_acts acts;
    VC_TRY(cli_open_source(&source, o, 0));
    vc_status status = vc_acts_open(&acts, model, o->batch, 0);
    if (status == VC_OK) {
        vc_forward_pass pass = {&acts, model, tap};
        const vc_runner runner = vc_forward_runner(&pass);
        status = cli_run_over_source(result, &ignored, model, source, o, label, &runner, NULL);
        vc_acts_close(&acts);
    }
    vc_source_close(source);
    return status;
}

int cli_finish_data(json_t *result, vc_status status, const cli_data_options *o, int json,
                    void (*print_text)(const json_t *result))
{
    size_t broken = json_array_size(json_object_get(result, "broken_images"));
    int code = cli_finish(result, status, json, print_text);
    if (code != CLI_OK || broken == 0 || o->skip_broken)
        return code;
    fprintf(stderr,
            "vitcod: %zu image%s could not be read and %s left out; --skip-broken allows that\n",
            broken, broken == 1 ? "" : "s", broken == 1 ? "was" : "were");
    return CLI_FAILED;
}
