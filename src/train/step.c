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
    const size_t layers = vc_model_layers(&l->model->config), batch = l->options->batch;
    vc_rng rng =
        vc_rng_open(l->options->seed, STREAM_BRANCHES + (l->state.epoch << 8), l->state.step);
    for (size_t i = 0; l->branches && i < 2 * layers * batch; i++) {
        const size_t layer = i / (2 * batch);
        const double share =
            layers > 1 ? l->options->drop_path * (double)layer / (double)(layers - 1) : 0.0;
        const int dropped = vc_rng_uniform(&rng) < share;
        l->branches[i] = dropped ? 0.0f : (float)(1.0 / (1.0 - share));
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

vc_status vc__train_step(vc__loop *l)
{
    const vc_train_options *o = l->options;
    size_t classes = l->model->config.deit.classes;
    double epoch = (double)l->state.epoch + (double)l->state.step / (double)l->sampler.steps;
    vc_loaded batch;
    l->learning_rate = vc_learning_rate(o, epoch);
    VC_TRY(vc_loader_next(&batch, l->loader));
    draw_branches(l);
    vc_model_forward(&l->acts, l->model, batch.x, o->batch, NULL);
    vc_loss loss = task_loss(l, &batch);
    loss.reconstruction = vc_model_reconstruction(&l->acts, l->model);
    if (o->teacher) {
        vc_model_forward(&l->teacher_acts, o->teacher, batch.x, o->batch, NULL);
        loss.distillation =
            vc_distillation(l->grads.dlogits, l->acts.logits, l->teacher_acts.logits, o->batch,
                            classes, o->distillation, o->temperature);
    }
    vc_grads_clear(&l->grads, l->model);
    for (size_t i = 0; o->logits != 1.0 && i < o->batch * classes; i++)
        l->grads.dlogits[i] *= (float)o->logits;
    const vc_lesson lesson = {&l->teacher_acts, (float)o->features, (float)o->attention};
    loss.distances =
        vc_model_backward_taught(&l->grads, &l->acts, l->model, o->batch, (float)o->reconstruction,
                                 vc__looks_inside(o) ? &lesson : NULL);
    const double all = loss.task + loss.reconstruction + loss.distillation +
                       loss.distances.features + loss.distances.attention;
    if (!isfinite(all) || explodes(l, all))
        return diverged(l, "loss", all);
    double norm = vc_optimizer_step(&l->optimizer, l->model, &l->grads, o, l->learning_rate);
    if (!isfinite(norm))
        return diverged(l, "gradient's norm", norm);
    l->acts.branches = NULL; /* evaluation has all of them */
    l->state.loss += loss.task;
    l->state.distillation += loss.distillation;
    l->state.features += loss.distances.features;
    l->state.attention += loss.distances.attention;
    l->state.reconstruction += loss.reconstruction;
    l->state.grad_norm += norm;
    l->state.top1 += (double)loss.top1;
    l->state.images += (double)o->batch;
    l->state.step++;
    return VC_OK;
}
