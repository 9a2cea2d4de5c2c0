/* Training in stages, each on a sparser plan. The best epoch of the last stage is kept. */
#include "vitcod/distill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "distill_options.h"
#include "journal.h"
#include "vitcod/clock.h"
#include "vitcod/comm.h"
#include "vitcod/judge.h"

enum { PATH_ROOM = 4096 };

typedef struct distill_run {
    const vc_distill_options *o;
    vc_train_options train; /* o->train with the learning rates that are meant */
    const vc_distill_hooks *hooks;
    vc_model *student;
    vc_source *learn, *held;
    json_t *journal;
    char journal_path[PATH_ROOM];
    size_t stage, epochs; /* epochs of the last stage */
    float *best;          /* the student's parameters in the best epoch */
    vc_teacher_answers answers;
    vc_judge judge;
    vc_judgement judged; /* the best epoch's */
    size_t best_epoch;
    int stop;
} distill_run;

/* ---- stages */

static size_t stage_count(const vc_distill_options *o)
{
    return o->plan_count > 0 ? o->plan_count : 1;
}

static size_t stage_epochs(const distill_run *r, size_t stage)
{
    return stage + 1 < stage_count(r->o) ? r->o->stage_epochs : r->epochs;
}

static vc_status stage_file(char out[PATH_ROOM], const distill_run *r, size_t stage)
{
    const int length = stage + 1 == stage_count(r->o)
                           ? snprintf(out, PATH_ROOM, "%s", r->o->checkpoint)
                           : snprintf(out, PATH_ROOM, "%s.stage%zu", r->o->checkpoint, stage + 1);
    return length < PATH_ROOM ? VC_OK
                              : vc_fail(VC_EINVAL, "%s: the path is too long", r->o->checkpoint);
}

/* Earlier stages stay at the highest learning rate. The last one ends at the lowest, and warms up
 * only if it is the first. */
static vc_train_options stage_options(const distill_run *r)
{
    vc_train_options how = r->train;
    how.epochs = stage_epochs(r, r->stage);
    if (r->stage + 1 < stage_count(r->o))
        how.min_learning_rate = how.learning_rate;
    if (r->stage > 0)
        how.warmup_epochs = 0.0;
    if (how.warmup_epochs > (double)how.epochs)
        how.warmup_epochs = (double)how.epochs;
    return how;
}

static void on_step(void *context, size_t step, size_t steps, double loss)
{
    const distill_run *r = context;
    size_t before = 0, all = 0;
    (void)loss;
    for (size_t s = 0; s < stage_count(r->o); s++) {
        const size_t here = stage_epochs(r, s) * vc_epoch_steps(r->learn, r->o->train.batch);
        before += s < r->stage ? here : 0;
        all += s == r->stage ? steps : here;
    }
    if (r->hooks->on_step)
        r->hooks->on_step(r->hooks->context, before + step, all, r->judged.all.agreement);
}

/* Records an epoch of the last stage. Returns 1 if it is the best so far. */
static int is_best(distill_run *r, const vc_judgement *now, size_t epoch)
{
    if (vc_closeness_loss(&now->all) >= vc_closeness_loss(&r->judged.all))
        return 0;
    r->judged = *now;
    r->best_epoch = epoch;
    return 1;
}

/* 1 if no epoch has been better for a number of epochs (`patience`). */
static int is_over(const distill_run *r, size_t stage, size_t epoch)
{
    return stage + 1 == stage_count(r->o) && r->o->patience > 0 &&
           epoch >= r->best_epoch + r->o->patience;
}

/* Of processes that learn together the first writes. */
static int writes(const distill_run *r)
{
    return !r->o->look.together || vc_comm_rank() == 0;
}

/* The student takes these parameters. */
static void set_parameters(distill_run *r, const float *values)
{
    memcpy(r->student->values, values, r->student->value_count * sizeof *values);
    vc_model_refresh(r->student);
}

/* Judges the student, and keeps it if it is the best so far. */
static vc_status judge_student(vc_judgement *now, distill_run *r, size_t epoch)
{
    VC_TRY(vc_judge_now(now, &r->judge));
    if (r->stage + 1 < stage_count(r->o) || !is_best(r, now, epoch))
        return VC_OK;
    memcpy(r->best, r->student->values, r->student->value_count * sizeof *r->best);
    return r->o->checkpoint && writes(r) ? vc_model_write(r->o->output, r->student) : VC_OK;
}

/* The moving average is judged and kept, if there is one; learning goes on from what it was. */
static vc_status judge_epoch(vc_judgement *now, distill_run *r, const vc_epoch_report *e)
{
    if (!e->average)
        return judge_student(now, r, e->epoch);
    const size_t bytes = r->student->value_count * sizeof(float);
    float *learning = malloc(bytes);
    if (!learning)
        return vc_fail(VC_ENOMEM, "out of memory for the parameters beside their average");
    memcpy(learning, r->student->values, bytes);
    set_parameters(r, e->average);
    const vc_status status = judge_student(now, r, e->epoch);
    set_parameters(r, learning);
    free(learning);
    return status;
}

static const char *journal_path(const distill_run *r)
{
    return r->o->checkpoint && writes(r) ? r->journal_path : NULL;
}

static vc_status on_epoch(void *context, const vc_epoch_report *e)
{
    distill_run *r = context;
    vc_judgement now;
    VC_TRY(judge_epoch(&now, r, e));
    vc_distill_epoch entry = vc__epoch_of(&now);
    entry.stage = r->stage + 1;
    entry.epoch = e->epoch;
    entry.distillation_loss = e->mean.distillation;
    entry.feature_distance = e->mean.features;
    entry.attention_distance = e->mean.attention;
    entry.reconstruction = e->mean.reconstruction;
    entry.learning_rate = e->mean.learning_rate;
    VC_TRY(vc__journal_add(r->journal, journal_path(r), &entry));
    if (r->hooks->on_epoch)
        r->hooks->on_epoch(r->hooks->context, &entry, e, r->judged.all.agreement);
    r->stop = is_over(r, r->stage, e->epoch);
    return VC_OK;
}

/* An image that cannot be learnt from; the next one takes its place. */
static void on_broken(void *context, size_t index, const char *name, const char *message)
{
    const vc_look *look = &((const distill_run *)context)->o->look;
    if (look->on_broken)
        look->on_broken(look->context, index, name, message);
}

static vc_status use_plan(distill_run *r, size_t stage)
{
    if (r->o->plan_count == 0)
        return VC_OK;
    return vc_model_use_plan(r->student, &r->o->plans[stage], "the plan");
}

/* Opened again for each plan, since the kept probabilities have another size. */
static vc_status open_judge(distill_run *r)
{
    vc_judge_close(&r->judge);
    return vc_judge_open(&r->judge, r->student, &r->answers, r->held, &r->o->look);
}

static vc_status run_stage(distill_run *r, size_t stage, int resume)
{
    char checkpoint[PATH_ROOM];
    const vc_train_hooks hooks = {.on_step = on_step,
                                  .on_epoch = on_epoch,
                                  .on_broken = on_broken,
                                  .context = r,
                                  .stop = &r->stop};
    r->stage = stage;
    if (r->o->checkpoint)
        VC_TRY(stage_file(checkpoint, r, stage));
    VC_TRY(use_plan(r, stage));
    VC_TRY(open_judge(r));
    const vc_train_options how = stage_options(r);
    return vc_train(r->student, r->learn, NULL, &how, r->o->checkpoint ? checkpoint : NULL, resume,
                    &hooks);
}

/* ---- resuming */

/* Finds the last stage that has a checkpoint; stage_count if there is none. */
static vc_status find_stage(size_t *out, const distill_run *r)
{
    *out = stage_count(r->o);
    for (size_t s = stage_count(r->o); s-- > 0;) {
        char path[PATH_ROOM];
        VC_TRY(stage_file(path, r, s));
        if (access(path, F_OK) == 0) {
            *out = s;
            return VC_OK;
        }
    }
    return VC_OK;
}

static vc_status read_before(vc_judgement *out, const distill_run *r)
{
    return vc__journal_judgement(out, json_object_get(r->journal, "before"), r->journal_path);
}

/* Reads the best model of the last stage from `output`. `stage` is the stage to continue with;
 * stage_count: from the beginning. */
static vc_status read_best(distill_run *r, size_t stage)
{
    const json_t *log = json_object_get(r->journal, "log");
    size_t i, last = 0;
    json_t *entry;
    vc_judgement judged;
    VC_TRY(read_before(&r->judged, r));
    if (stage + 1 != stage_count(r->o)) /* what a later one had begun is done again */
        return VC_OK;
    json_array_foreach ((json_t *)log, i, entry) {
        if (json_integer_value(json_object_get(entry, "stage")) != (json_int_t)stage_count(r->o))
            continue;
        last = (size_t)json_integer_value(json_object_get(entry, "epoch"));
        VC_TRY(vc__journal_judgement(&judged, entry, r->journal_path));
        is_best(r, &judged, last);
    }
    r->stop = is_over(r, stage, last);
    if (r->best_epoch == 0)
        return VC_OK;
    vc_model *model;
    const vc_model_options how = {.heads = vc_model_layer(&r->student->config, 0).heads};
    VC_TRY(vc_model_open(&model, r->o->output, &how));
    vc_status status = VC_OK;
    if (model->value_count == r->student->value_count)
        memcpy(r->best, model->values, model->value_count * sizeof *r->best);
    else
        status = vc_fail(VC_EINVAL, "%s: has %zu parameters, wanted the student's %zu",
                         r->o->output, model->value_count, r->student->value_count);
    vc_model_close(model);
    return status;
}

/* ---- the number of epochs that fit a time */

static vc_status keep_nothing(void *context, const vc_epoch_report *report)
{
    (void)context;
    (void)report;
    return VC_OK;
}

/* When the first step was done, and the last one. */
typedef struct stopwatch {
    double first, last;
    size_t steps;
} stopwatch;

static void note_time(void *context, size_t step, size_t steps, double loss)
{
    stopwatch *w = context;
    (void)steps;
    (void)loss;
    w->last = vc_clock_seconds();
    w->first = step == 1 ? w->last : w->first;
    w->steps = step;
}

/* Times a few steps with the real student, whose parameters are restored afterwards. */
static vc_status count_epochs(distill_run *r)
{
    enum { STEPS = 6 }; /* the first one, with preparations, is not counted */
    const size_t steps = vc_epoch_steps(r->learn, r->o->train.batch);
    stopwatch watch = {0};
    const vc_train_hooks hooks = {
        .on_step = note_time, .on_epoch = keep_nothing, .context = &watch};
    vc_judgement judged;
    r->epochs = r->o->train.epochs;
    if (!(r->o->seconds > 0.0))
        return VC_OK;
    vc_train_options trial = r->train;
    trial.epochs = 1;
    trial.limit = (steps < STEPS ? steps : STEPS) * trial.batch;
    trial.warmup_epochs = 0.0;
    double start = vc_clock_seconds();
    VC_TRY(vc_judge_now(&judged, &r->judge));
    const double evaluation = vc_clock_seconds() - start;
    start = vc_clock_seconds();
    const vc_status status = vc_train(r->student, r->learn, NULL, &trial, NULL, 0, &hooks);
    set_parameters(r, r->best);
    VC_TRY(status);
    const double step = watch.steps > 1 ? (watch.last - watch.first) / (double)(watch.steps - 1)
                                        : watch.last - start;
    const double epoch = step * (double)steps + evaluation,
                 left =
                     r->o->seconds - epoch * (double)(r->o->stage_epochs * (stage_count(r->o) - 1));
    double epochs = left >= epoch ? floor(left / epoch) : 1.0;
    if (r->o->look.together) { /* as many as the first has counted */
        epochs = writes(r) ? epochs : 0.0;
        VC_TRY(vc_comm_sum(&epochs, 1, NULL));
    }
    r->epochs = (size_t)epochs;
    return VC_OK;
}

/* ---- the whole */

/* Removes the checkpoints of this run and of an interrupted one before it. */
static void remove_checkpoints(const distill_run *r)
{
    char path[PATH_ROOM];
    if (!r->o->checkpoint || !writes(r))
        return;
    for (size_t s = 0; s < stage_count(r->o); s++)
        if (stage_file(path, r, s) == VC_OK)
            unlink(path);
    unlink(r->journal_path);
}

static vc_status begin_run(distill_run *r)
{
    remove_checkpoints(r);
    VC_TRY(open_judge(r));
    VC_TRY(vc_judge_now(&r->judged, &r->judge));
    r->train = vc__distill_training(r->o, r->student, vc_closeness_loss(&r->judged.all));
    VC_TRY(count_epochs(r));
    return vc__journal_begin(r->journal, journal_path(r), &r->judged, r->epochs);
}

static vc_status resume_run(distill_run *r, size_t *stage)
{
    r->epochs = (size_t)json_integer_value(json_object_get(r->journal, "epochs"));
    vc_judgement before;
    VC_TRY(read_before(&before, r));
    r->train = vc__distill_training(r->o, r->student, vc_closeness_loss(&before.all));
    VC_TRY(find_stage(stage, r));
    return read_best(r, *stage);
}

static vc_status go_through_stages(distill_run *r)
{
    const size_t stages = stage_count(r->o);
    size_t from = stages;
    VC_TRY(use_plan(r, stages - 1)); /* its summaries are among the parameters of the best epoch */
    r->best = malloc(r->student->value_count * sizeof *r->best);
    if (!r->best)
        return vc_fail(VC_ENOMEM, "out of memory for the best parameters");
    memcpy(r->best, r->student->values, r->student->value_count * sizeof *r->best);
    VC_TRY(vc_teacher_answers_open(&r->answers, r->o->train.teacher, r->held, &r->o->look));
    VC_TRY(vc__journal_open(&r->journal, r->journal_path, r->o->settings, r->o->resume));
    VC_TRY(r->o->resume ? resume_run(r, &from) : begin_run(r));
    const int resume = from < stages;
    for (size_t s = resume ? from : 0; s < stages; s++)
        VC_TRY(run_stage(r, s, resume && s == from));
    if (r->o->look.together) /* before the first removes what the others go on from */
        VC_TRY(vc_comm_wait());
    set_parameters(r, r->best);
    return writes(r) ? vc_model_write(r->o->output, r->student) : VC_OK;
}

static vc_status list_sources(vc_distilled *out, const distill_run *r)
{
    const size_t count = vc_source_parts(r->held);
    out->sources = calloc(count, sizeof *out->sources);
    if (!out->sources)
        return vc_fail(VC_ENOMEM, "out of memory for %zu sources", count);
    for (; out->source_count < count; out->source_count++) {
        const size_t i = out->source_count;
        vc_distill_source *s = &out->sources[i];
        *s = (vc_distill_source){.images = vc_source_part_count(r->learn, i),
                                 .held_back = vc_source_part_count(r->held, i),
                                 .before = out->before.parts[i],
                                 .best = out->best.parts[i]};
        snprintf(s->path, sizeof s->path, "%s", vc_source_path(r->held, i));
    }
    return VC_OK;
}

static vc_status sum_up(vc_distilled *out, const distill_run *r)
{
    VC_TRY(vc__journal_read(out, r->journal, r->journal_path));
    VC_TRY(read_before(&out->before, r));
    out->best = r->judged;
    out->best_epoch = r->best_epoch;
    return list_sources(out, r);
}

vc_status vc_distill(vc_distilled *out, vc_model *student, vc_source *learn, vc_source *held,
                     const vc_distill_options *options, const vc_distill_hooks *hooks)
{
    distill_run r = {
        .o = options, .hooks = hooks, .student = student, .learn = learn, .held = held};
    *out = (vc_distilled){0};
    if (options->checkpoint &&
        snprintf(r.journal_path, PATH_ROOM, "%s.json", options->checkpoint) >= PATH_ROOM)
        return vc_fail(VC_EINVAL, "%s: the path is too long", options->checkpoint);
    if (options->resume && !options->checkpoint)
        return vc_fail(VC_EINVAL, "calibration wants a checkpoint to go on from");
    if (!options->train.teacher)
        return vc_fail(VC_EINVAL, "calibration wants a teacher");
    vc_status status = go_through_stages(&r);
    if (status == VC_OK)
        status = sum_up(out, &r);
    if (status == VC_OK)
        remove_checkpoints(&r);
    vc_judge_close(&r.judge);
    json_decref(r.journal);
    vc_teacher_answers_close(&r.answers);
    free(r.best);
    return status;
}

void vc_distilled_close(vc_distilled *distilled)
{
    for (size_t i = 0; i < distilled->epochs; i++)
        vc_record_free(&vc_distill_epoch_record, &distilled->log[i]);
    free(distilled->log);
    free(distilled->sources);
    *distilled = (vc_distilled){0};
}
