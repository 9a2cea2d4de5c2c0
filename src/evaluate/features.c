/* Features of images, and what both judges of them share. */
#include "vitcod/features.h"

#include <math.h>
#include <stdlib.h>

#include "features_impl.h"
#include "vitcod/memory_limit.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_feature_accuracy, judge, "", "knn: nearest neighbours; probe: linear classifier")},
    {VC_FIELD(vc_feature_accuracy, images, "", "that were judged")},
    {VC_FIELD(vc_feature_accuracy, train_images, "", "that were learnt from")},
    {VC_FIELD(vc_feature_accuracy, train_broken, "", "of --train-data that could not be read")},
    {VC_FIELD(vc_feature_accuracy, width, "", "values of an image's features")},
    {VC_FIELD(vc_feature_accuracy, neighbours, "", "of an image; 0: probe")},
    {VC_FIELD(vc_feature_accuracy, temperature, "", "a neighbour weighs exp(cosine / temperature)"),
     VC_KNOWN},
    {VC_FIELD(vc_feature_accuracy, epochs, "", "of the probe; 0: knn")},
    {VC_FIELD(vc_feature_accuracy, train_top1, "%", "of the images that the probe learnt from"),
     VC_KNOWN},
    {VC_FIELD(vc_feature_accuracy, top1, "%", "images whose likeliest class is theirs")},
    {VC_FIELD(vc_feature_accuracy, top5, "%", "images with theirs among five")},
    {VC_FIELD(vc_feature_accuracy, low, "%", "of top1, where 95 % of such intervals hold it")},
    {VC_FIELD(vc_feature_accuracy, high, "%", "likewise")},
};
const vc_record vc_feature_accuracy_record =
    VC_RECORD("feature_accuracy", vc_feature_accuracy, fields);

/* Of length 1. */
static vc_status add_image(vc_features *f, const float *values, int32_t label, const char *name)
{
    float *to = f->values + f->images * f->width;
    double square = 0.0;
    for (size_t i = 0; i < f->width; i++)
        square += (double)values[i] * values[i];
    if (!isfinite(square) || square <= 0.0)
        return vc_fail(VC_EINVAL, "%s: features of length %g, wanted a finite one above 0", name,
                       sqrt(square));
    for (size_t i = 0; i < f->width; i++)
        to[i] = (float)(values[i] / sqrt(square));
    f->labels[f->images++] = label;
    return VC_OK;
}

static vc_status run_all(vc_features *f, vc_loader *loader, vc_source *source,
                         const vc_runner *runner, vc_progress *progress)
{
    for (;;) {
        vc_loaded batch;
        const float *values;
        char name[VC_SOURCE_NAME];
        VC_TRY(vc_loader_next(&batch, loader));
        f->broken = vc_loader_broken(loader);
        if (batch.count == 0)
            return VC_OK;
        VC_TRY(runner->run(runner->context, &values, batch.x, batch.count));
        for (size_t i = 0; i < batch.count; i++)
            VC_TRY(add_image(f, values + i * f->width, batch.labels[i],
                             vc_source_name(name, source, batch.indices[i])));
        if (progress) {
            progress->total = vc_loader_total(loader);
            vc_progress_update(progress, f->images + f->broken, NULL);
        }
    }
}

static vc_status collect(vc_features *f, const vc_model *model, vc_source *source,
                         const vc_runner *runner, const vc_evaluate_options *options)
{
    vc_loader *loader;
    vc_loader_options how = vc_model_loader_options(model);
    how.batch = runner->batch;
    how.on_broken = options->on_broken;
    how.context = options->context;
    VC_TRY(vc_loader_open(&loader, source, &how));
    const vc_status status = run_all(f, loader, source, runner, options->progress);
    vc_loader_close(loader);
    return status;
}

vc_status vc_features_open(vc_features *out, const vc_model *model, vc_source *source,
                           const vc_runner *runner, const vc_evaluate_options *options)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t images = vc_source_count(source);
    char name[VC_SOURCE_NAME];
    *out = (vc_features){.width = input.outputs, .classes = vc_source_classes(source)};
    if (input.classes > 0 || out->classes == 0)
        return vc_fail(VC_EINVAL, "wanted features of labelled images, of a model that gives "
                                  "features");
    VC_TRY(vc_source_check_channels(source, input.channels));
    out->values = vc_memory_take(images, out->width * sizeof *out->values, "features of images");
    out->labels = out->values ? vc_memory_take(images, sizeof *out->labels, "labels") : NULL;
    vc_status status = out->labels ? collect(out, model, source, runner, options) : VC_ENOMEM;
    if (status == VC_OK && out->images == 0)
        status = vc_fail(VC_EFORMAT, "%s: this and all %zu other %s are broken",
                         vc_source_name(name, source, 0), out->broken - 1,
                         vc_source_unit(source, out->broken - 1));
    if (status != VC_OK)
        vc_features_close(out);
    return status;
}

void vc_features_close(vc_features *features)
{
    free(features->values);
    free(features->labels);
    *features = (vc_features){0};
}

vc_status vc__features_check(const vc_features *train, const vc_features *test)
{
    if (train->width != test->width || train->classes != test->classes)
        return vc_fail(VC_EINVAL,
                       "images to learn from have %zu features and %zu classes, those to judge %zu "
                       "and %zu: wanted the same",
                       train->width, train->classes, test->width, test->classes);
    return VC_OK;
}

void vc__features_end(vc_feature_accuracy *out, const vc_features *train, const vc_features *test,
                      const size_t hits[2])
{
    const double z = 1.959963984540054, n = (double)test->images, p = (double)hits[0] / n,
                 middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n),
                 half = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n);
    out->images = test->images;
    out->train_images = train->images;
    out->train_broken = train->broken;
    out->width = train->width;
    out->top1 = 100.0 * p;
    out->top5 = 100.0 * (double)hits[1] / n;
    out->low = 100.0 * fmax(0.0, middle - half);
    out->high = 100.0 * fmin(1.0, middle + half);
}
