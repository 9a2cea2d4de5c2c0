#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train_impl.h"
#include "vitcod/clock.h"

typedef struct loop {
    vc_model *model;
    vc_source *train, *test; /* test NULL: none */
    const vc_train_options *options;
    vc_acts acts, teacher_acts;
    vc_grads grads;
    vc_optimizer optimizer;
    vc_train_state state;
    vc_sampler sampler;
    vc_loader *loader; /* of the epoch's remaining steps */
    double learning_rate;
    uint64_t fingerprint;
} loop;

static vc_status check_range(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s is %g, wanted %g to %g", name, value, low, high);
}

/* Whether the student is compared with more than the teacher's logits. */
static int looks_inside(const vc_train_options *o)
{
    return o->teacher && (o->features > 0.0 || o->attention > 0.0);
}

/* Blocks are compared one by one. */
static vc_status check_blocks(const vc_train_options *o, const vc_model *model)
{
    const vc_deit_config *s = &model->config.deit, *t = &o->teacher->config.deit;
    if (!looks_inside(o) || (o->teacher->config.architecture == VC_DEIT && t->depth == s->depth &&
                             t->width == s->width && vc_deit_tokens(t) == vc_deit_tokens(s)))
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "the teacher's blocks are not the student's: wanted a DeiT of %zu blocks, %zu "
                   "values and %zu tokens",
                   s->depth, s->width, vc_deit_tokens(s));
}

/* The teacher sees the very batch that the student sees. */
vc_status vc_train_check_teacher(const vc_train_options *o, const vc_model *student)
{
    const vc_model_input own = vc_model_input_of(&student->config), *s = &own;
    const vc_model_input teacher = vc_model_input_of(&o->teacher->config), *t = &teacher;
    if (t->image != s->image || t->channels != s->channels || t->classes != s->classes)
        return vc_fail(VC_EINVAL,
                       "the teacher takes %zu x %zu x %zu and has %zu classes, wanted the "
                       "student's %zu x %zu x %zu and %zu",
                       t->channels, t->image, t->image, t->classes, s->channels, s->image, s->image,
                       s->classes);
    for (size_t c = 0; c < s->channels; c++)
        if (t->mean[c] != s->mean[c] || t->std[c] != s->std[c])
            return vc_fail(VC_EINVAL,
                           "the teacher's input has mean %g and deviation %g, wanted the "
                           "student's %g and %g",
                           (double)t->mean[c], (double)t->std[c], (double)s->mean[c],
                           (double)s->std[c]);
    VC_TRY(check_range("the teacher's share", o->distillation, 0.0, 1.0));
    VC_TRY(check_range("the weight of the teacher's blocks", o->features, 0.0, 1e30));
    VC_TRY(check_range("the weight of the teacher's attention", o->attention, 0.0, 1e30));
    VC_TRY(check_blocks(o, student));
    return check_range("the temperature", o->temperature, 1e-3, 1e3);
}

static vc_status check(const loop *l)
{
    const vc_train_options *o = l->options;
    const int taught = o->teacher && o->distillation == 1.0;
    VC_TRY(vc_model_check_source(l->model, l->train));
    if (vc_source_classes(l->train) == 0 && !taught)
        return vc_fail(VC_EINVAL, "images without labels want a teacher with all of the loss");
    VC_TRY(check_range("the learning rate", o->learning_rate, 0.0, 1e3));
    VC_TRY(check_range("the lowest learning rate", o->min_learning_rate, 0.0, o->learning_rate));
    VC_TRY(check_range("the first learning rate", o->warmup_learning_rate, 0.0, o->learning_rate));
    VC_TRY(check_range("the warm-up", o->warmup_epochs, 0.0, (double)o->epochs));
    VC_TRY(check_range("weight decay", o->weight_decay, 0.0, 1e3));
    VC_TRY(check_range("label smoothing", o->label_smoothing, 0.0, 1.0));
    VC_TRY(check_range("the gradient clip", o->clip, 0.0, 1e30));
    VC_TRY(check_range("the weight of the reconstruction loss", o->reconstruction, 0.0, 1e30));
    VC_TRY(check_range("the weight of the logits", o->logits, 0.0, 1e30));
    return o->teacher ? vc_train_check_teacher(o, l->model) : VC_OK;
}

static vc_status open_sampler(loop *l)
{
    const vc_train_options *o = l->options;
    vc_sampler_options how = vc_sampler_options_default();
    how.images = vc_source_count(l->train);
    how.limit = o->limit;
    how.batch = o->batch;
    how.repetitions = o->repetitions;
    how.seed = o->seed;
    return vc_sampler_open(&l->sampler, &how);
}

static vc_status open_loop(loop *l)
{
    VC_TRY(check(l));
    VC_TRY(open_sampler(l));
    l->fingerprint = vc__train_fingerprint(l->model, l->train, l->options);
    VC_TRY(vc_acts_open(&l->acts, l->model, l->options->batch, 1));
    if (l->options->teacher)
        VC_TRY(vc_acts_open(&l->teacher_acts, l->options->teacher, l->options->batch,
                            looks_inside(l->options)));
    VC_TRY(vc_grads_open(&l->grads, l->model, l->options->batch));
    return vc_optimizer_open(&l->optimizer, l->model);
}

static void close_loop(loop *l)
{
    vc_optimizer_close(&l->optimizer);
    vc_grads_close(&l->grads);
    vc_acts_close(&l->teacher_acts);
    vc_acts_close(&l->acts);
    vc_loader_close(l->loader);
    vc_sampler_close(&l->sampler);
}

/* What is left of the epoch, read ahead of the steps. */
static vc_status open_loader(loop *l, const vc_train_hooks *hooks)
{
    const vc_train_options *o = l->options;
    const vc_loader_training training = {&l->sampler, l->state.step, o->augment};
    vc_loader_options how = vc_model_loader_options(l->model);
    how.crop_fraction = o->crop_fraction;
    how.workers = o->workers;
    how.training = &training;
    how.on_broken = hooks->on_broken;
    how.context = hooks->context;
    vc_sampler_set_epoch(&l->sampler, l->state.epoch);
    return vc_loader_open(&l->loader, l->train, &how);
}

static vc_status diverged(const loop *l, const char *what, double value)
{
    return vc_fail(VC_EINVAL,
                   "epoch %llu, step %llu: the %s is %g, wanted a finite number; a lower learning "
                   "rate than %g may help",
                   (unsigned long long)l->state.epoch + 1, (unsigned long long)l->state.step + 1,
                   what, value, l->learning_rate);
}

/* Of the labels, where there are some. */
static vc_loss task_loss(loop *l, const vc_loaded *batch)
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

static vc_status step(loop *l)
{
    const vc_train_options *o = l->options;
    size_t classes = l->model->config.deit.classes;
    double epoch = (double)l->state.epoch + (double)l->state.step / (double)l->sampler.steps;
    vc_loaded batch;
    l->learning_rate = vc_learning_rate(o, epoch);
    VC_TRY(vc_loader_next(&batch, l->loader));
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
                                 looks_inside(o) ? &lesson : NULL);
    const double all = loss.task + loss.reconstruction + loss.distillation +
                       loss.distances.features + loss.distances.attention;
    if (!isfinite(all))
        return diverged(l, "loss", all);
    double norm = vc_optimizer_step(&l->optimizer, l->model, &l->grads, o, l->learning_rate);
    if (!isfinite(norm))
        return diverged(l, "gradient's norm", norm);
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

static vc_epoch_report report(const loop *l, double seconds, size_t steps)
{
    double n = (double)l->state.step;
    return (vc_epoch_report){
        .epoch = l->state.epoch + 1,
        .epochs = l->options->epochs,
        .loss = l->state.loss / n,
        .distillation = l->state.distillation / n,
        .features = l->state.features / n,
        .attention = l->state.attention / n,
        .reconstruction = l->state.reconstruction / n,
        .distilled = l->options->teacher != NULL,
        .train_top1 = 100.0 * l->state.top1 / l->state.images,
        .learning_rate = l->learning_rate,
        .grad_norm = l->state.grad_norm / n,
        .images_per_second = seconds > 0.0 ? (double)(steps * l->options->batch) / seconds : 0.0};
}

static vc_status run_epoch(loop *l, const char *checkpoint, const vc_train_hooks *hooks)
{
    const vc_train_options *o = l->options;
    const size_t steps = l->sampler.steps;
    double started = vc_clock_seconds();
    size_t first = l->state.step;
    VC_TRY(open_loader(l, hooks));
    while (l->state.step < steps) {
        VC_TRY(step(l));
        if (hooks->on_step)
            hooks->on_step(hooks->context, l->state.epoch * steps + l->state.step,
                           o->epochs * steps, l->state.loss / (double)l->state.step);
        if (checkpoint && o->save_every > 0 && l->state.step % o->save_every == 0)
            VC_TRY(vc_checkpoint_write(checkpoint, l->model, &l->optimizer, &l->state,
                                       l->fingerprint));
    }
    vc_loader_close(l->loader);
    l->loader = NULL;
    vc_epoch_report done = report(l, vc_clock_seconds() - started, l->state.step - first);
    if (l->test) {
        const vc_evaluate_options plain = vc_evaluate_options_default();
        vc_forward_pass pass = {&l->acts, l->model, NULL};
        const vc_runner runner = vc_forward_runner(&pass);
        VC_TRY(vc_evaluate(&done.test, l->model, l->test, &runner, &plain));
        done.tested = 1;
    }
    /* Reported first: a report that fails is made again after resuming. */
    if (hooks->on_epoch)
        VC_TRY(hooks->on_epoch(hooks->context, &done));
    l->state = (vc_train_state){.epoch = l->state.epoch + 1};
    if (!checkpoint)
        return VC_OK;
    return vc_checkpoint_write(checkpoint, l->model, &l->optimizer, &l->state, l->fingerprint);
}

static vc_status run(loop *l, const char *checkpoint, int resume, const vc_train_hooks *hooks)
{
    VC_TRY(open_loop(l));
    if (resume)
        VC_TRY(vc_checkpoint_read(l->model, &l->optimizer, &l->state, l->fingerprint, checkpoint));
    while (l->state.epoch < l->options->epochs && !(hooks->stop && *hooks->stop))
        VC_TRY(run_epoch(l, checkpoint, hooks));
    return VC_OK;
}

vc_status vc_train(vc_model *model, vc_source *train, vc_source *test,
                   const vc_train_options *options, const char *checkpoint, int resume,
                   const vc_train_hooks *hooks)
{
    loop l = {.model = model, .train = train, .test = test, .options = options};
    VC_TRY(vc__check_trainable(model));
    if (test)
        VC_TRY(vc_model_check_source(model, test));
    const vc_status status = run(&l, checkpoint, resume, hooks);
    close_loop(&l);
    return status;
}
