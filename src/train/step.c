#include <math.h>
#include <string.h>

#include "loop.h"

enum { STREAM_BRANCHES = 7 };

/* `what` went wrong; the checkpoint is older than that. */
static vc_status diverged(const vc__loop *l, const char *what, double value)
{
    char place[VC__PLACE_ROOM];
    vc__first_not_finite(place, l->model, &l->acts, &l->grads);
    return vc_fail(VC_EINVAL,
                   "epoch %llu, step %llu: the %s is %g%s%s, wanted a finite number that does not "
                   "explode; a lower learning rate than %g may help%s%s",
                   (unsigned long long)l->state.epoch + 1, (unsigned long long)l->state.step + 1,
                   what, value, place[0] ? ", not finite first " : "", place, l->learning_rate,
                   l->checkpoint ? "; the last good checkpoint is " : "",
                   l->checkpoint ? l->checkpoint : "");
}

/* A branch is left out with a probability, else counts so much more that its mean stays. */
static void draw_branches(vc__loop *l)
{
    const size_t layers = vc_model_layers(&l->model->config), images = l->sampler.share;
    for (size_t i = 0; l->branches && i < images; i++) {
        const vc_sample sample = vc_sampler_at(&l->sampler, l->state.step, i, 0);
        vc_rng rng = vc_rng_open(l->options->seed, STREAM_BRANCHES + (l->state.epoch << 8),
                                 sample.index + ((uint64_t)sample.repetition << 32));
        for (size_t b = 0; b < 2 * layers; b++) {
            const double share =
                layers > 1 ? l->options->drop_path * (double)(b / 2) / (double)(layers - 1) : 0.0;
            const int dropped = vc_rng_uniform(&rng) < share;
            l->branches[b * images + i] = dropped ? 0.0f : (float)(1.0 / (1.0 - share));
        }
    }
    l->acts.branches = l->branches;
}

/* Of the labels, where there are some. */
static vc_loss task_loss(vc__loop *l, const vc_loaded *batch)
{
    const size_t classes = l->model->config.deit.classes;
    if (vc_source_classes(l->train) == 0) {
        memset(l->grads.dlogits, 0, batch->count * classes * sizeof(float));
        return (vc_loss){0};
    }
    const vc_labels labels = {batch->labels, batch->partners, batch->lambda};
    return vc_cross_entropy_mixed(l->grads.dlogits, l->acts.logits, &labels, batch->count, classes,
                                  (float)l->options->label_smoothing);
}

/* A single bad batch does not do that, and the first steps have no mean yet. */
static int explodes(const vc__loop *l, double loss)
{
    enum { FIRST = 10, TIMES = 100 };
    const vc_train_state *s = &l->state;
    const double sum = s->loss + s->distillation + s->features + s->attention + s->reconstruction;
    return s->step >= FIRST && loss > TIMES * sum / (double)s->step;
}

/* The weights of one process are smaller, so that the sum over all is the whole batch's mean. */
static vc_status backward(vc__loop *l, vc_loss *loss)
{
    const vc_train_options *o = l->options;
    const float part = 1.0f / (float)l->together.ranks, logits = part * (float)o->logits;
    const size_t count = l->sampler.share * l->model->config.deit.classes;
    const vc_lesson lesson = {&l->teacher_acts, part * (float)o->features,
                              part * (float)o->attention};
    vc_grads_clear(&l->grads, l->model);
    for (size_t i = 0; logits != 1.0f && i < count; i++)
        l->grads.dlogits[i] *= logits;
    VC_TRY(vc__together_begin(&l->together, &l->acts, l->model));
    loss->reconstruction = vc_model_reconstruction(&l->acts, l->model);
    loss->distances =
        vc_model_backward_taught(&l->grads, &l->acts, l->model, l->sampler.share,
                                 (float)o->reconstruction, vc__looks_inside(o) ? &lesson : NULL);
    return vc__together_end(&l->together, loss, &l->ended);
}

static void count(vc_train_state *s, const vc_loss *loss, double norm, size_t images)
{
    s->loss += loss->task;
    s->distillation += loss->distillation;
    s->features += loss->distances.features;
    s->attention += loss->distances.attention;
    s->reconstruction += loss->reconstruction;
    s->grad_norm += norm;
    s->top1 += (double)loss->top1;
    s->images += (double)images;
    s->step++;
}

vc_status vc__train_step(vc__loop *l)
{
    const vc_train_options *o = l->options;
    const size_t classes = l->model->config.deit.classes;
    const double epoch = (double)l->state.epoch + (double)l->state.step / (double)l->sampler.steps;
    vc_loaded batch;
    l->learning_rate = vc_learning_rate(o, epoch);
    VC_TRY(vc_loader_next(&batch, l->loader));
    draw_branches(l);
    vc_model_forward(&l->acts, l->model, batch.x, batch.count, NULL);
    vc_loss loss = task_loss(l, &batch);
    if (o->teacher) {
        vc_model_forward(&l->teacher_acts, o->teacher, batch.x, batch.count, NULL);
        loss.distillation =
            vc_distillation(l->grads.dlogits, l->acts.logits, l->teacher_acts.logits, batch.count,
                            classes, o->distillation, o->temperature);
    }
    VC_TRY(backward(l, &loss));
    const double all = loss.task + loss.reconstruction + loss.distillation +
                       loss.distances.features + loss.distances.attention;
    if (!isfinite(all) || explodes(l, all))
        return diverged(l, "loss", all);
    const double norm = vc_optimizer_step(&l->optimizer, l->model, &l->grads, o, l->learning_rate);
    if (!isfinite(norm))
        return diverged(l, "gradient's norm", norm);
    l->acts.branches = NULL; /* evaluation has all of them */
    count(&l->state, &loss, norm, o->batch);
    return VC_OK;
}
