#include "vitcod/evaluate.h"

#include <math.h>
#include <string.h>

#include "share.h"
#include "vitcod/clock.h"
#include "vitcod/comm.h"
#include "vitcod/loss.h"
#include "vitcod/plural.h"

/* Images in memory have labels, and a list of classes beside them at most. */
static vc_status check_labels(const char *path, const vc_source *source, size_t classes)
{
    const size_t labels = vc_source_classes(source), named = vc_source_named(source);
    if (labels > classes)
        return vc_fail(VC_EINVAL,
                       "%s: labels go up to %zu, the model has classes 0 to %zu: wanted a head for "
                       "them (`vitcod train --new-head`)",
                       path, labels - 1, classes - 1);
    if (labels == classes || (vc_source_has_list(source) && named == classes))
        return VC_OK;
    if (vc_source_has_list(source))
        return vc_fail(VC_EINVAL, "the class list has %zu classes, the model %zu", named, classes);
    return vc_fail(VC_EINVAL,
                   "%s: %zu classes, the model has %zu: wanted a list of the model's (--classes), "
                   "or a head for these (`vitcod train --new-head`)",
                   path, labels, classes);
}

static vc_status check_folders(const vc_source *source, size_t classes)
{
    const size_t folders = vc_source_classes(source);
    if (folders == classes)
        return VC_OK;
    if (vc_source_has_list(source))
        return vc_fail(VC_EINVAL, "the class list has %zu classes, the model %zu", folders,
                       classes);
    return vc_fail(VC_EINVAL,
                   "%zu class %s, the model has %zu classes: wanted a class list (--classes) "
                   "that says which they are, or a head for them (`vitcod train --new-head`)",
                   folders, vc_plural(folders, "folder", "folders"), classes);
}

vc_status vc_model_check_labels(const vc_model_config *config)
{
    if (vc_model_input_of(config).classes > 0)
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED,
                   "labelled images, and a %s that tells no classes apart: wanted a head for them "
                   "(`vitcod train --new-head`), or --knn or --probe of `vitcod eval`",
                   vc_model_family(config));
}

static vc_status check_poses(const vc_model_config *config, const vc_source *source)
{
    const size_t wanted = vc_model_input_of(config).joints, joints = vc_source_joints(source);
    if (joints == wanted)
        return VC_OK;
    if (joints == 0)
        return vc_fail(VC_EUNSUPPORTED, "%s: a %s takes poses, not pictures",
                       vc_source_path(source, 0), vc_model_family(config));
    if (wanted == 0)
        return vc_fail(VC_EUNSUPPORTED, "%s: poses, but a %s takes pictures",
                       vc_source_path(source, 0), vc_model_family(config));
    return vc_fail(VC_EINVAL, "%s: poses of %zu joints, wanted %zu as the %s takes them",
                   vc_source_path(source, 0), joints, wanted, vc_model_family(config));
}

vc_status vc_model_check_source(const vc_model *model, vc_source *source)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const vc_dataset *data = vc_source_dataset(source);
    VC_TRY(check_poses(&model->config, source));
    if (input.joints > 0)
        return VC_OK;
    if (input.classes > 0)
        VC_TRY(vc_model_check_classifier(&model->config));
    if (vc_source_classes(source) > 0 && input.classes > 0)
        VC_TRY(data ? check_labels(data->path ? data->path : "data", source, input.classes)
                    : check_folders(source, input.classes));
    return vc_source_check_channels(source, input.channels);
}

void vc_model_input_of_source(vc_model_input *input, const vc_source *source)
{
    const vc_dataset *images = vc_source_dataset(source);
    input->classes = vc_source_classes(source);
    if (!images)
        return;
    input->channels = images->channels;
    vc_dataset_statistics(input->mean, input->std, images);
}

vc_status vc_model_name_classes_as(vc_model *model, const vc_source *data)
{
    const size_t classes = vc_model_input_of(&model->config).classes;
    const size_t named = vc_source_named(data) == classes ? classes : 0;
    const char **names = calloc(classes, sizeof *names);
    if (!names)
        return vc_fail(VC_ENOMEM, "out of memory for the names of %zu classes", classes);
    for (size_t i = 0; i < named; i++)
        names[i] = vc_source_class_name(data, i);
    const vc_status status = vc_model_name_classes(model, names, named);
    free(names);
    return status;
}

vc_evaluate_options vc_evaluate_options_default(void)
{
    return (vc_evaluate_options){0};
}

vc_loader_options vc_model_loader_options(const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    vc_loader_options how = vc_loader_options_default();
    how.frames = input.joints > 0 ? input.height : 0;
    how.joints = input.joints;
    how.size = (vc_extent){input.height, input.width};
    how.channels = input.channels;
    memcpy(how.mean, input.mean, sizeof how.mean);
    memcpy(how.std, input.std, sizeof how.std);
    how.crop_fraction = input.crop_pct;
    how.interpolation = input.interpolation;
    return how;
}

_Static_assert((int)VC_MODEL_CHANNELS == (int)VC_MAX_CHANNELS, "a model's channels are a loader's");

static vc_status open_loader(vc_loader **out, const vc_model *model, vc_source *source,
                             size_t batch, const vc_evaluate_options *o)
{
    vc_loader_options how = vc_model_loader_options(model);
    how.batch = batch;
    how.limit = o->limit;
    how.rank = o->together ? (size_t)vc_comm_rank() : 0;
    how.ranks = o->together ? (size_t)vc_comm_size() : 0;
    how.augment = o->augment;
    how.seed = o->seed;
    how.on_broken = o->on_broken;
    how.context = o->context;
    return vc_loader_open(out, source, &how);
}

/* Counts the hits of a batch, and adds up its losses. `counts` (classes) may be NULL. */
static vc_status score(vc_evaluation *e, vc_class_count *counts, double *sum, const float *logits,
                       const vc_loaded *batch, size_t classes, const vc_source *source)
{
    const vc_loss loss = vc_cross_entropy(NULL, logits, batch->labels, batch->count, classes, 0.0f);
    char name[VC_SOURCE_NAME];
    if (!isfinite(loss.task))
        return vc_fail(VC_EINVAL, "%s and %zu more: the loss is %g, wanted a finite number",
                       vc_source_name(name, source, batch->indices[0]), batch->count - 1,
                       loss.task);
    *sum = loss.task * (double)batch->count;
    e->top1 += loss.top1;
    e->top5 += loss.top5;
    for (size_t i = 0; counts && i < batch->count; i++) {
        size_t label = (size_t)batch->labels[i];
        size_t rank = vc_rank_of(logits + i * classes, classes, label);
        counts[label].images++;
        counts[label].top1 += rank == 0;
        counts[label].top5 += rank < 5;
    }
    return VC_OK;
}

/* Adds up the distances of a batch of poses. */
static vc_status score_poses(double *sum, const float *poses, const vc_loaded *batch,
                             const vc_model_input *input, const vc_source *source)
{
    const size_t joints = input->joints, pose = input->outputs;
    char name[VC_SOURCE_NAME];
    *sum = 0.0;
    for (size_t i = 0; i < batch->count; i++) {
        const float *truth = batch->truth + (i * input->height + (input->height - 1) / 2) * pose;
        /* joint 0 is where both are */
        const double distance =
            joints > 1 ? vc_pose_loss(NULL, poses + i * pose + 3, truth + 3, 1, joints - 1, 1.0)
                       : 0.0;
        if (!isfinite(distance))
            return vc_fail(VC_EINVAL, "%s: the distance is %g, wanted a finite one",
                           vc_source_name(name, source, batch->indices[i]), distance);
        *sum += distance * (double)(joints - 1) / (double)joints;
    }
    return VC_OK;
}

static vc_status forward(void *context, const float **logits, const float *images, size_t count)
{
    const vc_forward_pass *pass = context;
    vc_model_forward(pass->acts, pass->model, images, count, pass->tap);
    *logits = pass->acts->logits;
    return VC_OK;
}

vc_runner vc_forward_runner(vc_forward_pass *pass)
{
    return (vc_runner){forward, pass, pass->acts->batch};
}

static vc_status run_batches(vc_evaluation *e, vc__batch_losses *losses, vc_loader *loader,
                             const vc_model *model, vc_source *source, const vc_runner *runner,
                             const vc_evaluate_options *o)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t classes = input.classes;
    int labelled = vc_source_classes(source) > 0;
    for (;;) {
        vc_loaded batch;
        VC_TRY(vc_loader_next(&batch, loader));
        e->broken = vc_loader_broken(loader);
        if (batch.count == 0 && o->turns)
            vc_turns_end(o->turns);
        if (batch.count == 0)
            return VC_OK;
        const float *logits;
        if (o->turns)
            vc_turns_reach(o->turns, batch.indices[0]);
        VC_TRY(runner->run(runner->context, &logits, batch.x, batch.count));
        if (labelled)
            VC_TRY(score(e, o->counts, vc__batch_losses_at(losses, batch.indices[0]), logits,
                         &batch, classes, source));
        if (batch.truth)
            VC_TRY(score_poses(vc__batch_losses_at(losses, batch.indices[0]), logits, &batch,
                               &input, source));
        e->images += batch.count;
        if (o->progress) {
            o->progress->total = vc_loader_total(loader);
            vc_progress_update(o->progress, e->images + e->broken, NULL);
        }
    }
}

static vc_status run_share(vc_evaluation *out, vc__batch_losses *losses, const vc_model *model,
                           vc_source *source, const vc_runner *runner, const vc_evaluate_options *o)
{
    vc_loader *loader;
    const size_t all = vc_source_count(source);
    VC_TRY(open_loader(&loader, model, source, runner->batch, o));
    if (o->turns)
        vc_turns_begin(o->turns, o->limit > 0 && o->limit < all ? o->limit : all, runner->batch,
                       o->together);
    const vc_status status = run_batches(out, losses, loader, model, source, runner, o);
    vc_loader_close(loader);
    VC_TRY(status);
    if (o->together)
        VC_TRY(vc__share_counts(out, o->counts, vc_model_input_of(&model->config).classes, losses));
    for (size_t i = 0; i < losses->count; i++)
        out->loss += losses->sums[i];
    return VC_OK;
}

vc_status vc_evaluate(vc_evaluation *out, const vc_model *model, vc_source *source,
                      const vc_runner *runner, const vc_evaluate_options *options)
{
    vc__batch_losses losses;
    char name[VC_SOURCE_NAME];
    *out = (vc_evaluation){0};
    VC_TRY(vc_model_check_source(model, source));
    if (vc_source_classes(source) > 0)
        VC_TRY(vc_model_check_labels(&model->config));
    const double started = vc_clock_seconds();
    VC_TRY(vc__batch_losses_open(&losses, vc_source_count(source), runner->batch));
    const vc_status status = run_share(out, &losses, model, source, runner, options);
    vc__batch_losses_close(&losses);
    VC_TRY(status);
    if (out->images == 0)
        return vc_fail(VC_EFORMAT, "%s: this and all %zu other %s are broken",
                       vc_source_name(name, source, 0), out->broken - 1,
                       vc_source_unit(source, out->broken - 1));
    out->loss /= (double)out->images;
    out->mpjpe = vc_source_has_truth(source) ? 1000.0 * out->loss : 0.0;
    out->seconds = vc_clock_seconds() - started;
    return VC_OK;
}
