#include "eval_features.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vitcod/plural.h"

int eval_features_wanted(const eval_features_options *o)
{
    return o->neighbours > 0 || o->probe;
}

int eval_features_check(const cli_command *command, const eval_features_options *o,
                        cli_model_options *model, const char *token_rule)
{
    if (!eval_features_wanted(o))
        return o->train.count > 0 || o->features
                   ? cli_usage(command, "--train-data and --features belong to --knn and --probe")
                   : CLI_CONTINUE;
    if (o->neighbours > 0 && o->probe)
        return cli_usage(command, "both --knn and --probe, wanted one of them");
    if (token_rule)
        return cli_usage(command, "--tokens goes with neither --knn nor --probe");
    if (o->train.count == 0)
        return cli_usage(command, "--train-data PATH is missing, for --knn and --probe");
    if (o->features && strcmp(o->features, "cls") != 0 && strcmp(o->features, "pool") != 0)
        return cli_usage(command, "--features '%s', wanted cls or pool", o->features);
    model->features = o->features ? o->features : "pool";
    return CLI_CONTINUE;
}

static vc_status collect(vc_features *out, cli_images *seen, const vc_model *model,
                         vc_source *source, const vc_runner *runner, const char *label)
{
    vc_progress progress = vc_progress_begin(label, 1);
    vc_evaluate_options how = vc_evaluate_options_default();
    seen->progress = &progress;
    how.progress = &progress;
    how.on_broken = cli_on_broken;
    how.context = seen;
    const vc_status status = vc_features_open(out, model, source, runner, &how);
    vc_progress_end(&progress);
    seen->progress = NULL;
    seen->images = out->images;
    return status == VC_OK && seen->out_of_memory
               ? vc_fail(VC_ENOMEM, "out of memory for the names of broken images")
               : status;
}

static vc_status judge(vc_feature_accuracy *out, cli_images *seen, const eval_features_options *o,
                       const vc_model *model, vc_source *train, vc_source *test,
                       const vc_runner *runner)
{
    vc_features learnt = {0}, judged = {0};
    cli_images of_train = {0};
    VC_TRY(vc_source_check_classes(train, test));
    vc_status status = collect(&learnt, &of_train, model, train, runner, "features to learn from");
    cli_images_free(&of_train);
    if (status == VC_OK)
        status = collect(&judged, seen, model, test, runner, "features to judge");
    if (status == VC_OK)
        status = o->probe ? vc_features_probe(out, &learnt, &judged)
                          : vc_features_knn(out, &learnt, &judged, o->neighbours);
    vc_features_close(&learnt);
    vc_features_close(&judged);
    return status;
}

vc_status eval_features_run(vc_feature_accuracy *out, cli_images *seen,
                            const eval_features_options *o, const cli_data_options *data,
                            const vc_model *model, vc_source *source, const vc_runner *runner)
{
    cli_data_options learnt = *data;
    vc_source *train;
    learnt.paths = o->train;
    learnt.split = "train";
    learnt.limit = learnt.sample = 0;
    VC_TRY(cli_open_source(&train, &learnt, 1));
    const vc_status status = judge(out, seen, o, model, train, source, runner);
    vc_source_close(train);
    return status;
}

void eval_features_print(const vc_feature_accuracy *r)
{
    printf("top-1 %.2f %% (95 %%: %.2f to %.2f)  top-5 %.2f %%  on %zu %s, ", r->top1, r->low,
           r->high, r->top5, r->images, vc_plural(r->images, "image", "images"));
    if (r->neighbours > 0)
        printf("by %zu nearest of %zu", r->neighbours, r->train_images);
    else
        printf("by a linear classifier of %zu, %.2f %% of which it has right", r->train_images,
               r->train_top1);
    printf(", features of %zu values\n", r->width);
}
