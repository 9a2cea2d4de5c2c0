/* A model over every window of sequences of poses. */
#include "vitcod/pose_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"

static const vc_field action_fields[] = {
    {VC_FIELD(vc_pose_action, name, "", "without the number of the take")},
    {VC_FIELD(vc_pose_action, frames, "", "that were looked at")},
    {VC_FIELD(vc_pose_action, mpjpe, "mm", "mean distance of joints")},
    {VC_FIELD(vc_pose_action, p_mpjpe, "mm", "the same behind the best similarity")},
};
static const vc_record action_record = VC_RECORD("action", vc_pose_action, action_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_pose_errors, frames, "", "that were looked at")},
    {VC_FIELD(vc_pose_errors, sequences, "", "of poses, each of one camera")},
    {VC_FIELD(vc_pose_errors, joints, "", "of a pose")},
    {VC_FIELD(vc_pose_errors, mpjpe, "mm", "mean distance of joints, over frames (protocol 1)")},
    {VC_FIELD(vc_pose_errors, mpjpe_low, "mm", "of the interval of 95 %, over sequences"),
     VC_KNOWN},
    {VC_FIELD(vc_pose_errors, mpjpe_high, "mm", "of the interval of 95 %, over sequences"),
     VC_KNOWN},
    {VC_FIELD(vc_pose_errors, p_mpjpe, "mm", "behind the best similarity (protocol 2)")},
    {VC_FIELD(vc_pose_errors, actions_mpjpe, "mm", "mean of the means of actions")},
    {VC_FIELD(vc_pose_errors, actions_p_mpjpe, "mm", "mean of the means of actions")},
    {VC_FIELD(vc_pose_errors, frames_per_s, "frames/s", "that were looked at")},
    {VC_FIELD_RECORDS(vc_pose_errors, actions, action_count, "actions", &action_record,
                      "that were seen")},
};
const vc_record vc_pose_errors_record = VC_RECORD("poses", vc_pose_errors, fields);

/* Sums over the frames of a sequence. */
typedef struct sums {
    double frames, mpjpe, p_mpjpe;
} sums;

typedef struct walk {
    const vc_runner *runner;
    const vc_poses *poses;
    const vc_pose_options *options;
    size_t frames, joints;         /* of a window */
    float *windows, *made, *other; /* (batch, frames, joints, 2), (batch, joints, 3) twice */
} walk;

static vc_status run(float *out, const walk *w, size_t sequence, size_t first, size_t count,
                     int mirrored)
{
    const size_t step = w->options->every ? w->options->every : 1,
                 values = w->frames * w->joints * 2;
    const float *made;
    for (size_t i = 0; i < count; i++)
        vc_poses_window(w->windows + i * values, w->frames, w->poses, sequence, (first + i) * step,
                        mirrored);
    VC_TRY(w->runner->run(w->runner->context, &made, w->windows, count));
    memcpy(out, made, count * w->joints * 3 * sizeof *out);
    return VC_OK;
}

/* made: its mean with what was made of the mirror image, turned back. */
static void turn_back(const walk *w, size_t count)
{
    for (size_t i = 0; i < count * w->joints; i++) {
        const size_t joint = i % w->joints, at = i - joint + w->poses->mirrored[joint];
        for (size_t k = 0; k < 3; k++) {
            const float there = w->other[3 * at + k];
            w->made[3 * i + k] = (w->made[3 * i + k] + (k == 0 ? -there : there)) / 2.0f;
        }
    }
}

static vc_status run_sequence(sums *out, const walk *w, size_t index)
{
    const vc_pose_sequence *s = &w->poses->sequences[index];
    const size_t step = w->options->every ? w->options->every : 1,
                 total = vc_poses_taken(s->frames, step), pose = w->joints * 3;
    for (size_t first = 0; first < total; first += w->runner->batch) {
        const size_t left = total - first,
                     count = left < w->runner->batch ? left : w->runner->batch;
        VC_TRY(run(w->made, w, index, first, count, 0));
        if (w->options->mirror) {
            VC_TRY(run(w->other, w, index, first, count, 1));
            turn_back(w, count);
        }
        for (size_t i = 0; i < count; i++) {
            float *made = w->made + i * pose;
            const float *truth = s->truth + (first + i) * step * pose;
            memset(made, 0, 3 * sizeof *made); /* joint 0 is where both are */
            out->mpjpe += 1000.0 * vc_pose_distance(made, truth, w->joints);
            vc_pose_align(made, truth, w->joints);
            out->p_mpjpe += 1000.0 * vc_pose_distance(made, truth, w->joints);
            if (!isfinite(out->mpjpe) || !isfinite(out->p_mpjpe))
                return vc_fail(VC_EINVAL, "%s, frame %zu: the distance is %g, wanted a finite one",
                               s->name, (first + i) * step, out->mpjpe);
        }
        out->frames += (double)count;
    }
    return VC_OK;
}

static vc_status add_action(vc_pose_errors *e, const char *name, const sums *s)
{
    size_t i = 0;
    if (strlen(name) >= sizeof e->actions->name)
        return vc_fail(VC_EUNSUPPORTED, "action '%s': a name of %zu bytes, wanted at most %zu",
                       name, strlen(name), sizeof e->actions->name - 1);
    while (i < e->action_count && strcmp(e->actions[i].name, name) != 0)
        i++;
    if (i == e->action_count) {
        vc_pose_action *grown = realloc(e->actions, (i + 1) * sizeof *grown);
        if (!grown)
            return vc_fail(VC_ENOMEM, "out of memory for %zu actions", i + 1);
        e->actions = grown;
        grown[i] = (vc_pose_action){0};
        snprintf(grown[i].name, sizeof grown[i].name, "%s", name);
        e->action_count++;
    }
    e->actions[i].frames += (size_t)s->frames;
    e->actions[i].mpjpe += s->mpjpe;
    e->actions[i].p_mpjpe += s->p_mpjpe;
    return VC_OK;
}

/* Means from sums; the interval is that of a ratio of sums over sequences (Cochran 1977, 6.4). */
static void finish(vc_pose_errors *e, const sums *of, size_t count)
{
    double frames = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        frames += of[i].frames;
        e->mpjpe += of[i].mpjpe;
        e->p_mpjpe += of[i].p_mpjpe;
    }
    e->mpjpe /= frames;
    e->p_mpjpe /= frames;
    for (size_t i = 0; i < count; i++)
        squares += pow(of[i].mpjpe - e->mpjpe * of[i].frames, 2.0);
    const double n = (double)count,
                 half = count > 1 ? 1.959964 * sqrt(squares * n / (n - 1.0)) / frames : NAN;
    e->mpjpe_low = e->mpjpe - half;
    e->mpjpe_high = e->mpjpe + half;
    e->frames = (size_t)frames;
    e->sequences = count;
    for (size_t i = 0; i < e->action_count; i++) {
        vc_pose_action *a = &e->actions[i];
        a->mpjpe /= (double)a->frames;
        a->p_mpjpe /= (double)a->frames;
        e->actions_mpjpe += a->mpjpe / (double)e->action_count;
        e->actions_p_mpjpe += a->p_mpjpe / (double)e->action_count;
    }
}

static vc_status run_all(vc_pose_errors *out, const walk *w)
{
    const double started = vc_clock_seconds();
    sums *of = calloc(w->poses->count, sizeof *of);
    vc_status status = of ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for sequences of poses");
    for (size_t i = 0; status == VC_OK && i < w->poses->count; i++) {
        status = run_sequence(&of[i], w, i);
        if (status == VC_OK)
            status = add_action(out, w->poses->sequences[i].action, &of[i]);
        if (w->options->progress) {
            w->options->progress->total = w->poses->count;
            vc_progress_update(w->options->progress, i + 1, NULL);
        }
    }
    if (status == VC_OK)
        finish(out, of, w->poses->count);
    out->frames_per_s = (double)out->frames / (vc_clock_seconds() - started);
    free(of);
    return status;
}

vc_status vc_pose_evaluate(vc_pose_errors *out, const vc_model *model, const vc_runner *runner,
                           const vc_poses *poses, const vc_pose_options *options)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    *out = (vc_pose_errors){.joints = poses->joints};
    if (input.joints != poses->joints)
        return vc_fail(VC_EINVAL, "poses of %zu joints, wanted %zu as the %s takes them",
                       poses->joints, input.joints, vc_model_family(&model->config));
    walk w = {.runner = runner,
              .poses = poses,
              .options = options,
              .frames = input.height,
              .joints = input.joints,
              .windows = malloc(runner->batch * input.height * input.width * sizeof(float)),
              .made = malloc(runner->batch * input.outputs * sizeof(float)),
              .other = malloc(runner->batch * input.outputs * sizeof(float))};
    vc_status status = w.windows && w.made && w.other
                           ? run_all(out, &w)
                           : vc_fail(VC_ENOMEM, "out of memory for %zu windows", runner->batch);
    free(w.windows);
    free(w.made);
    free(w.other);
    if (status != VC_OK)
        vc_pose_errors_close(out);
    return status;
}

void vc_pose_errors_close(vc_pose_errors *errors)
{
    free(errors->actions);
    *errors = (vc_pose_errors){0};
}
