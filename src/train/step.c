#include <math.h>
#include <string.h>

#include "loop.h"

enum { STREAM_BRANCHES = 7 };

/* Fails because the loss or the gradient (`what`) of a step cannot be used. The last checkpoint was
 * written before that step. */
static vc_status diverged(const vc__loop *l, const char *what, double value)
{
    char place[VC_PLACE_ROOM];
    vc__first_not_finite(place, l->model, &l->acts, &l->grads);
    return vc_fail(VC_EINVAL,
                   "epoch %llu, step %llu: the %s is %g%s%s, wanted a finite number that does not "
                   "explode; a lower learning rate than %g may help%s%s",
                   (unsigned long long)l->state.epoch + 1, (unsigned long long)l->state.step + 1,
                   what, value, place[0] ? ", not finite first " : "", place, l->learning_rate,
                   l->checkpoint ? "; the last good checkpoint is " : "",
                   l->checkpoint ? l->checkpoint : "");
}

/* Draws which branches are left out for which images. The others are scaled up so that the expected
 * value stays the same. */
static void draw_branches(vc__loop *l, size_t part)
{
    const size_t layers = vc_model_layers(&l->model->config), images = l->sampler.share;
    for (size_t i = 0; l->branches && i < images; i++) {
        const vc_sample sample = vc_sampler_at(&l->sampler, l->state.step, part * images + i, 0);
        vc_rng rng = vc_rng_open(l->options->seed, STREAM_BRANCHES + (l->state.epoch << 8),
                                 sample.index + ((uint64_t)sample.repetition << 32));
        for (size_t b = 0; b < 2 * layers; b++) {
            const double share =
                vc_model_drop_share(&l->model->config, l->options->drop_path, b / 2);
            const int dropped = vc_rng_uniform(&rng) < share;
            l->branches[b * images + i] = dropped ? 0.0f : (float)(1.0 / (1.0 - share));
        }
    }
    l->acts.branches = l->branches;
}

/* Logits of an image, or features of a model without classes. */
static size_t outputs_of(const vc__loop *l)
{
    return vc_model_input_of(&l->model->config).outputs;
}

static int tells_classes(const vc__loop *l)
{
    return vc_model_input_of(&l->model->config).classes > 0;
}

/* The loss on the labels. For images without labels, and models without classes, it is 0, with
 * gradients of 0. */
static vc_loss task_loss(vc__loop *l, const vc_labels *labels, size_t images)
{
    const size_t classes = outputs_of(l);
    if (vc_source_classes(l->train) == 0 || !tells_classes(l)) {
        memset(l->grads.dlogits, 0, images * classes * sizeof(float));
        return (vc_loss){0};
    }
    return vc_cross_entropy_mixed(l->grads.dlogits, l->acts.logits, labels, images, classes,
                                  (float)l->options->label_smoothing);
}

/* Li et al. (2022): the mean distance of the joints in the middle frame, plus that in all frames by
 * the head behind the vanilla blocks. Without a truth it is 0, with gradients of 0. */
static double pose_loss(vc__loop *l, const vc_loaded *batch)
{
    const vc_model_input input = vc_model_input_of(&l->model->config);
    const size_t pose = input.outputs, frames = input.height;
    double middle = 0.0;
    memset(l->grads.dlogits, 0, batch->count * pose * sizeof(float));
    memset(l->grads.dframes, 0, batch->count * frames * pose * sizeof(float));
    if (!batch->truth)
        return 0.0;
    for (size_t i = 0; i < batch->count; i++)
        middle += vc_pose_loss(l->grads.dlogits + i * pose, l->acts.logits + i * pose,
                               batch->truth + (i * frames + (frames - 1) / 2) * pose, 1,
                               input.joints, 1.0 / (double)batch->count);
    return middle / (double)batch->count + vc_pose_loss(l->grads.dframes, l->acts.frames,
                                                        batch->truth, batch->count * frames,
                                                        input.joints, 1.0);
}

/* The same beside a teacher's poses of the middle frame. */
static vc_loss losses_of_poses(vc__loop *l, const vc_loaded *batch)
{
    const vc_train_options *o = l->options;
    const vc_model_input input = vc_model_input_of(&l->model->config);
    const size_t all = batch->count * input.height * input.outputs;
    vc_loss loss = {.task = pose_loss(l, batch)};
    if (!o->teacher)
        return loss;
    vc_model_forward(&l->teacher_acts, o->teacher, batch->x, batch->count, NULL);
    loss.distillation = vc_pose_loss(l->grads.dlogits, l->acts.logits, l->teacher_acts.logits,
                                     batch->count, input.joints, o->distillation);
    for (size_t i = 0; i < all; i++)
        l->grads.dframes[i] *= 1.0f - (float)o->distillation;
    return loss;
}

/* The losses from labels and teacher, with the gradients of the logits or, if the heads are taught
 * separately, of both heads. */
static vc_loss losses(vc__loop *l, const vc_loaded *batch)
{
    const vc_train_options *o = l->options;
    const vc_labels labels = {batch->labels, batch->partners, batch->lambda};
    const size_t images = batch->count, classes = outputs_of(l);
    const float *teacher = l->teacher_acts.logits;
    if (vc_model_input_of(&l->model->config).joints > 0)
        return losses_of_poses(l, batch);
    if (o->teacher)
        vc_model_forward(&l->teacher_acts, o->teacher, batch->x, images, NULL);
    if (o->two_heads) {
        const vc_teaching teaching = {teacher, o->distillation, o->temperature,
                                      o->hard_distillation};
        return vc_two_head_loss(l->grads.dhead_logits, l->acts.head_logits, &labels, &teaching,
                                images, classes, (float)o->label_smoothing);
    }
    vc_loss loss = task_loss(l, &labels, images);
    if (o->teacher && !tells_classes(l))
        loss.distillation = vc_cosine_distance(l->grads.dlogits, l->acts.logits, teacher, images,
                                               classes, o->distillation);
    else if (o->teacher && o->hard_distillation)
        loss.distillation = vc_hard_distillation(l->grads.dlogits, l->acts.logits, teacher, images,
                                                 classes, o->distillation);
    else if (o->teacher)
        loss.distillation = vc_distillation(l->grads.dlogits, l->acts.logits, teacher, images,
                                            classes, o->distillation, o->temperature);
    return loss;
}

/* 1 if the loss is far above the mean of the epoch, further than a single bad batch can make it.
 * The first steps have no mean to compare with. */
static int explodes(const vc__loop *l, double loss)
{
    enum { FIRST = 10, TIMES = 100 };
    const vc_train_state *s = &l->state;
    const double sum = s->loss + s->distillation + s->features + s->attention + s->reconstruction;
    return s->step >= FIRST && loss > TIMES * sum / (double)s->step;
}

/* Weights are divided by the number of parts, so that the sum over all is the mean over the whole
 * batch. */
static vc_status backward(vc__loop *l, vc_loss *loss)
{
    const vc_train_options *o = l->options;
    const size_t parts = l->together.ranks * vc__together_own(&l->together);
    const float part = 1.0f / (float)parts, logits = part * (float)o->logits;
    const vc_model_input input = vc_model_input_of(&l->model->config);
    const size_t count = l->sampler.share * input.outputs;
    const vc_lesson lesson = {&l->teacher_acts, part * (float)o->features,
                              part * (float)o->attention};
    vc_grads_clear(&l->grads, l->model);
    for (size_t i = 0; logits != 1.0f && i < count; i++)
        l->grads.dlogits[i] *= logits;
    for (size_t i = 0; logits != 1.0f && i < input.classifiers * count; i++)
        l->grads.dhead_logits[i] *= logits;
    for (size_t i = 0; logits != 1.0f && l->grads.dframes && i < input.height * count; i++)
        l->grads.dframes[i] *= logits;
    VC_TRY(vc__together_begin(&l->together, &l->acts, l->model));
    loss->reconstruction = vc_model_reconstruction(&l->acts, l->model);
    const vc_distances distances =
        vc_model_backward_taught(&l->grads, &l->acts, l->model, l->sampler.share,
                                 (float)o->reconstruction, vc__looks_inside(o) ? &lesson : NULL);
    loss->features = distances.features;
    loss->attention = distances.attention;
    return vc__together_end(&l->together, loss, &l->ended);
}

static void count_step(vc_train_state *s, const vc_loss *loss, double norm, size_t images)
{
    s->loss += loss->task;
    s->distillation += loss->distillation;
    s->features += loss->features;
    s->attention += loss->attention;
    s->reconstruction += loss->reconstruction;
    s->grad_norm += norm;
    s->top1 += (double)loss->top1;
    s->images += (double)images;
    s->step++;
}

double vc__step_rate(const vc__loop *l, uint64_t step)
{
    return vc_learning_rate(l->options,
                            (double)l->state.epoch + (double)step / (double)l->sampler.steps);
}

/* Forward and backward through what this process has of a batch, or a part of that. */
static vc_status run_part(vc__loop *l, vc_loss *loss, size_t part)
{
    vc_loaded batch;
    VC_TRY(vc_loader_next(&batch, l->loader));
    draw_branches(l, part);
    vc_model_observe(&l->acts, l->model, batch.x, batch.count);
    *loss = losses(l, &batch);
    return backward(l, loss);
}

vc_status vc__train_step(vc__loop *l)
{
    const vc_train_options *o = l->options;
    vc_loss loss = {0};
    l->learning_rate = vc__step_rate(l, l->state.step);
    l->whole = 1;
    for (size_t part = 0; part < vc__together_own(&l->together); part++)
        VC_TRY(run_part(l, &loss, part));
    const double all =
        loss.task + loss.reconstruction + loss.distillation + loss.features + loss.attention;
    if (!isfinite(all) || explodes(l, all))
        return diverged(l, "loss", all);
    l->whole = 0;
    vc_model_settle(l->model, &l->acts, l->sampler.share);
    if (!o->settled)
        VC_TRY(vc__together_settle(&l->together, l->model));
    const double norm = vc_optimizer_step(&l->optimizer, l->model, &l->grads, o, l->learning_rate);
    if (!isfinite(norm))
        return diverged(l, "gradient's norm", norm);
    l->acts.branches = NULL; /* evaluation leaves out none */
    count_step(&l->state, &loss, norm, o->batch);
    return VC_OK;
}
