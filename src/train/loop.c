#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "vitcod/clock.h"
#include "vitcod/comm.h"

static vc_status open_sampler(vc__loop *l)
{
    const vc_train_options *o = l->options;
    vc_sampler_options how = vc_sampler_options_default();
    how.images = vc_source_count(l->train);
    how.joints = vc_source_joints(l->train);
    how.limit = o->limit;
    how.batch = o->batch;
    how.repetitions = o->repetitions;
    how.seed = o->seed;
    how.rank = (size_t)vc_comm_rank();
    how.ranks = (size_t)vc_comm_size();
    how.parts = o->parts / how.ranks;
    if (o->epochs == 0) { /* nothing is shared */
        how.rank = how.parts = 0;
        how.ranks = 1;
    }
    return vc_sampler_open(&l->sampler, &how);
}

static vc_status open_branches(vc__loop *l)
{
    const size_t count = 2 * vc_model_layers(&l->model->config) * l->sampler.share;
    l->branches = malloc(count * sizeof *l->branches);
    if (!l->branches)
        return vc_fail(VC_ENOMEM, "out of memory for stochastic depth");
    return VC_OK;
}

static vc_status open_loop(vc__loop *l)
{
    VC_TRY(vc__check_training(l->model, l->train, l->options));
    VC_TRY(open_sampler(l));
    l->settings = vc__train_settings(l->model, l->train, l->options);
    if (!l->settings)
        return vc_fail(VC_ENOMEM, "out of memory for the settings");
    const size_t share = l->sampler.share;
    VC_TRY(vc_acts_open(&l->acts, l->model, share, l->options->activations));
    if (l->options->teacher)
        VC_TRY(vc_acts_open(&l->teacher_acts, l->options->teacher, share,
                            vc__looks_inside(l->options) ? VC_KEEP_ALL : VC_KEEP_NOTHING));
    VC_TRY(vc_grads_open(&l->grads, l->model, share));
    if (l->options->bias_rate == 0.0)
        l->grads.summary_bias = NULL;
    if (l->options->pooling_rate == 0.0)
        l->grads.pool_weights = NULL;
    if (l->options->query_rate == 0.0)
        l->grads.pool_query = NULL;
    if (l->options->half)
        VC_TRY(vc_half_open(&l->half));
    l->acts.half = l->teacher_acts.half = l->half;
    l->acts.settled = l->options->settled;
    VC_TRY(vc__together_open(&l->together, &l->grads, l->model, l->options->parts,
                             l->hooks->interrupted));
    if (l->options->drop_path > 0.0)
        VC_TRY(open_branches(l));
    VC_TRY(vc_optimizer_open(&l->optimizer, l->model));
    return l->options->ema > 0.0 ? vc_optimizer_average(&l->optimizer, l->model) : VC_OK;
}

static void close_loop(vc__loop *l)
{
    if (l->together.lost) /* memory is left to sums that are still under way */
        return;
    vc_optimizer_close(&l->optimizer);
    vc_grads_close(&l->grads);
    vc_acts_close(&l->teacher_acts);
    vc_acts_close(&l->acts);
    vc_loader_close(l->loader);
    vc_sampler_close(&l->sampler);
    vc_half_close(l->half);
    vc__together_close(&l->together);
    free(l->branches);
    json_decref(l->settings);
}

/* Opens a loader for the rest of the epoch. */
static vc_status open_loader(vc__loop *l)
{
    const vc_train_options *o = l->options;
    const vc_loader_training training = {&l->sampler, l->state.step, o->augment};
    vc_loader_options how = vc_model_loader_options(l->model);
    how.workers = o->workers;
    how.training = &training;
    how.on_broken = l->hooks->on_broken;
    how.context = l->hooks->context;
    vc_sampler_set_epoch(&l->sampler, l->state.epoch);
    return vc_loader_open(&l->loader, l->train, &how);
}

size_t vc_epoch_steps(const vc_source *source, size_t batch)
{
    return vc_source_count(source) / batch;
}

static int writes(const vc__loop *l)
{
    return l->sampler.options.rank == 0;
}

/* Of the steps of this epoch since another state, which took so long; `run`: how many of them
 * were taken in that time. */
static vc_step_means means_since(const vc__loop *l, const vc_train_state *last, double seconds,
                                 uint64_t run)
{
    const vc_train_state *now = &l->state;
    const double n = (double)(now->step - last->step), images = (double)(run * l->options->batch);
    return (vc_step_means){.loss = (now->loss - last->loss) / n,
                           .distillation = (now->distillation - last->distillation) / n,
                           .features = (now->features - last->features) / n,
                           .attention = (now->attention - last->attention) / n,
                           .reconstruction = (now->reconstruction - last->reconstruction) / n,
                           .train_top1 = vc_source_joints(l->train) > 0
                                             ? (double)NAN
                                             : 100.0 * (now->top1 - last->top1) /
                                                   (now->images - last->images),
                           .learning_rate = vc__step_rate(l, now->step - 1),
                           .grad_norm = (now->grad_norm - last->grad_norm) / n,
                           .images_per_second = seconds > 0.0 ? images / seconds : 0.0};
}

static vc_status report_group(vc__loop *l)
{
    const double at = vc_clock_seconds();
    const vc_group_report group = {.epoch = l->state.epoch + 1,
                                   .step = l->state.step,
                                   .steps = l->sampler.steps,
                                   .mean = means_since(l, &l->reported, at - l->group_start,
                                                       l->state.step - l->reported.step)};
    l->reported = l->state;
    l->group_start = at;
    if (!l->hooks->on_group || !writes(l))
        return VC_OK;
    return l->hooks->on_group(l->hooks->context, &group);
}

static vc_status save_checkpoint(vc__loop *l)
{
    if (!l->checkpoint || !writes(l))
        return VC_OK;
    VC_TRY(vc_checkpoint_rotate(l->checkpoint, l->options->keep));
    return vc_checkpoint_write(l->checkpoint, l->model, &l->optimizer, &l->state, l->settings);
}

static vc_status interrupted(const vc__loop *l)
{
    return vc_fail(VC_EINTR, "stopped in epoch %llu after step %llu of %zu%s%s",
                   (unsigned long long)l->state.epoch + 1, (unsigned long long)l->state.step,
                   l->sampler.steps, l->checkpoint ? ", which goes on from " : "",
                   l->checkpoint ? l->checkpoint : "");
}

static void tell_step(const vc__loop *l)
{
    const vc_train_hooks *hooks = l->hooks;
    const size_t steps = l->sampler.steps;
    if (hooks->on_step && writes(l))
        hooks->on_step(hooks->context, l->state.epoch * steps + l->state.step,
                       l->options->epochs * steps, l->state.loss / (double)l->state.step);
}

static vc_status run_steps(vc__loop *l)
{
    const vc_train_options *o = l->options;
    const size_t steps = l->sampler.steps;
    l->reported = l->state;
    l->group_start = vc_clock_seconds();
    while (l->state.step < steps) {
        const vc_status status = vc__train_step(l);
        if (l->together.lost && l->whole) /* the step before it counts */
            VC_TRY(save_checkpoint(l));
        VC_TRY(status);
        tell_step(l);
        if (o->group > 0 && (l->state.step % o->group == 0 || l->state.step == steps))
            VC_TRY(report_group(l));
        if (l->together.ranks == 1 && l->hooks->interrupted && *l->hooks->interrupted)
            l->ended = 1;
        if (l->ended) {
            if (o->group > 0 && l->state.step > l->reported.step)
                VC_TRY(report_group(l));
            VC_TRY(save_checkpoint(l));
            return interrupted(l);
        }
        if (o->save_every > 0 && l->state.step % o->save_every == 0)
            VC_TRY(save_checkpoint(l));
    }
    return VC_OK;
}

static vc_status test_model(vc_evaluation *out, vc__loop *l)
{
    vc_evaluate_options how = vc_evaluate_options_default();
    how.on_broken = l->hooks->on_broken;
    how.context = l->hooks->context;
    how.together = 1;
    vc_forward_pass pass = {&l->acts, l->model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    return vc_evaluate(out, l->model, l->test, &runner, &how);
}

static void exchange(float *a, float *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static vc_status test_all(vc_epoch_report *out, vc__loop *l)
{
    float *average = l->optimizer.average;
    if (!l->test)
        return VC_OK;
    out->tested = 1;
    VC_TRY(test_model(&out->test, l));
    if (!average)
        return VC_OK;
    exchange(l->model->values, average, l->model->value_count);
    vc_model_refresh(l->model);
    const vc_status status = test_model(&out->averaged, l);
    exchange(l->model->values, average, l->model->value_count);
    vc_model_refresh(l->model);
    return status;
}

static vc_status run_epoch(vc__loop *l)
{
    const size_t first = l->state.step;
    VC_TRY(open_loader(l)); /* may inflate an archive, which is no speed of learning */
    const double started = vc_clock_seconds();
    VC_TRY(run_steps(l));
    vc_loader_close(l->loader);
    l->loader = NULL;
    const vc_train_state nothing = {0};
    vc_epoch_report done = {
        .epoch = l->state.epoch + 1,
        .epochs = l->options->epochs,
        .distilled = l->options->teacher != NULL,
        .held_back = l->options->held_back,
        .average = l->optimizer.average,
        .mean = means_since(l, &nothing, vc_clock_seconds() - started, l->state.step - first)};
    vc_model_refresh(l->model);
    VC_TRY(test_all(&done, l));
    /* The report comes first: if it fails, it is made again after resuming. With parts all
     * processes have one, so that they can judge together. */
    if (l->hooks->on_epoch && (writes(l) || l->options->parts > 0))
        VC_TRY(l->hooks->on_epoch(l->hooks->context, &done));
    l->state = (vc_train_state){.epoch = l->state.epoch + 1};
    return save_checkpoint(l);
}

/* Whether all go on: the others wait here, as long as it takes, while the first tests and
 * writes. */
static vc_status agree_on_end(vc__loop *l, int *over)
{
    const vc_train_hooks *h = l->hooks;
    double asked[] = {writes(l) && h->stop && *h->stop, h->interrupted && *h->interrupted};
    VC_TRY(vc_comm_sum(asked, 2, NULL));
    *over = asked[0] > 0.0 || l->state.epoch >= l->options->epochs;
    if (!*over && asked[1] > 0.0)
        return interrupted(l);
    return VC_OK;
}

/* Where a checkpoint goes on must be a place of this run. */
static vc_status check_position(const vc__loop *l)
{
    const vc_train_state *s = &l->state;
    const uint64_t steps = l->sampler.steps, done = s->epoch * steps + s->step;
    const int is_end = s->epoch == l->options->epochs && s->step == 0;
    if ((is_end || (s->epoch < l->options->epochs && s->step <= steps)) &&
        l->optimizer.steps == done)
        return VC_OK;
    return vc_fail(VC_EFORMAT,
                   "%s: goes on in epoch %llu after step %llu and %llu updates, which no run of "
                   "%zu epochs of %llu steps does",
                   l->checkpoint, (unsigned long long)s->epoch + 1, (unsigned long long)s->step,
                   (unsigned long long)l->optimizer.steps, l->options->epochs,
                   (unsigned long long)steps);
}

static vc_status run_training(vc__loop *l, int resume)
{
    int over = l->options->epochs == 0;
    VC_TRY(open_loop(l));
    if (resume)
        VC_TRY(vc_checkpoint_read(l->model, &l->optimizer, &l->state, l->settings, l->checkpoint));
    VC_TRY(check_position(l));
    over |= l->state.epoch >= l->options->epochs || (l->hooks->stop && *l->hooks->stop);
    while (!over) {
        VC_TRY(run_epoch(l));
        VC_TRY(agree_on_end(l, &over));
    }
    if (l->optimizer.average)
        memcpy(l->model->values, l->optimizer.average, l->model->value_count * sizeof(float));
    return VC_OK;
}

vc_status vc_train(vc_model *model, vc_source *train, vc_source *test,
                   const vc_train_options *options, const char *checkpoint, int resume,
                   const vc_train_hooks *hooks)
{
    vc__loop l = {.model = model,
                  .train = train,
                  .test = test,
                  .options = options,
                  .checkpoint = checkpoint,
                  .hooks = hooks};
    VC_TRY(vc_model_check_trainable(model));
    if (test)
        VC_TRY(vc_model_check_source(model, test));
    const vc_status status = run_training(&l, resume);
    vc_model_refresh(model);
    close_loop(&l);
    return status;
}
