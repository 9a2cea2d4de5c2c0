/* Calibration: models, images, plans, learning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calibrate.h"
#include "learning.h"
#include "open_plan.h"
#include "vitcod/clock.h"
#include "vitcod/file.h"
#include "vitcod/plural.h"

typedef struct calibrate_run {
    const calibrate_options *o;
    calibrate_result *result;
    vc_model *teacher, *student;
    vc_source *images, *learn, *held;
    vc_stage_plans plans;
    char *coder; /* the file of an auto-encoder made here; NULL: none */
    int quiet;
    vc_progress progress;
    vc_file_lock model_lock, checkpoint_lock;
} calibrate_run;

/* ---- images, and what is pruned by them */

static vc_status open_images(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    VC_TRY(cli_open_source(&r->images, &o->data, 0));
    VC_TRY(vc_source_split_parts(&r->learn, &r->held, r->images, o->held));
    const size_t learn = vc_source_count(r->learn), held = vc_source_count(r->held);
    if (learn < o->how.train.batch)
        return vc_fail(VC_EINVAL,
                       "%s: %zu %s to learn from and %zu held back, wanted at least a batch of %zu",
                       o->data.paths.items[0], learn, vc_plural(learn, "image", "images"), held,
                       o->how.train.batch);
    for (size_t p = 0; p < vc_source_parts(r->images); p++)
        if (vc_source_part_count(r->held, p) == 0)
            return vc_fail(VC_EINVAL, "%s: none of its %zu images is held back, wanted %s",
                           vc_source_path(r->images, p), vc_source_part_count(r->images, p),
                           "--hold-back N");
    return VC_OK;
}

/* How images are looked at as they are; broken ones are named in the result. */
static vc_look look_of(const calibrate_run *r, vc_progress *progress)
{
    vc_look how = vc_look_default();
    r->result->seen.progress = progress;
    how.batch = r->o->how.train.batch;
    how.on_broken = cli_on_broken;
    how.context = &r->result->seen;
    how.progress = progress;
    return how;
}

static void note_seen(calibrate_result *result, const vc_seen *seen)
{
    result->classes_seen = seen->classes;
    if (seen->classes == 1)
        fprintf(stderr,
                "warning: the model sees class %zu in all %zu images; what it learns from one "
                "class may not hold for others\n",
                seen->last_class, seen->images);
}

static vc_status make_plans(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    const vc_stage_recipe recipe = {o->recipe, o->stages, o->stage_count};
    vc_seen seen;
    vc_progress progress = vc_progress_begin("attention", 1);
    const vc_look how = look_of(r, &progress);
    const vc_status status =
        vc_stage_plans_make(&r->plans, &seen, r->teacher, r->learn, &recipe, &how, o->model.path);
    vc_progress_end(&progress);
    VC_TRY(status);
    if (o->model.plan)
        VC_TRY(vc_stage_plans_add(&r->plans, &r->student->config, o->model.plan));
    if (r->plans.count > 0)
        r->result->sparsity = r->plans.last.sparsity;
    note_seen(r->result, &seen);
    return VC_OK;
}

/* ---- learning */

static void on_step(void *context, size_t step, size_t steps, double best)
{
    calibrate_run *r = context;
    char note[64];
    snprintf(note, sizeof note, "agreement of the best %.1f %%", 100.0 * best);
    r->progress.total = steps;
    vc_progress_update(&r->progress, step, note);
}

static void on_epoch(void *context, const vc_distill_epoch *e, const vc_epoch_report *report,
                     double best)
{
    calibrate_run *r = context;
    if (r->quiet)
        return;
    vc_progress_end(&r->progress);
    if (r->plans.count > 1)
        printf("stage %zu/%zu  ", e->stage, r->plans.count);
    printf("epoch %zu/%zu  agreement %.1f %%, of the best %.1f %%  divergence %.4f  %.1f "
           "images/s\n",
           e->epoch, report->epochs, 100.0 * e->held.agreement, 100.0 * best, e->held.divergence,
           report->mean.images_per_second);
    fflush(stdout);
}

/* Everything that the files depend on. */
static json_t *settings_of(const calibrate_run *r)
{
    json_t *all = json_copy(r->o->settings);
    char plan[VC_PLAN_HASH_TEXT];
    vc_json_set(&all, "MODEL", vc_json_text(r->o->model.path));
    vc_json_set(&all, "--seed", json_integer((json_int_t)r->o->how.train.seed));
    if (r->plans.count > 0) {
        vc_plan_hash_text(plan, &r->plans.plans[r->plans.count - 1]);
        vc_json_set(&all, "plan", json_string(plan));
    }
    return all;
}

/* The plan as it was learnt. */
static vc_status tell_plan(calibrate_result *result, const calibrate_run *r)
{
    const vc_plan *plan = vc_model_plan(r->student);
    if (!plan)
        return VC_OK;
    if (r->o->plan_output)
        VC_TRY(vc_plan_write(r->o->plan_output, plan));
    vc_plan_hash_text(result->plan_hash, plan);
    result->residual = plan->layers[0].kept_share ? "mean" : "none";
    if (!r->o->model.plan) {
        result->rule = r->o->recipe.rule;
        memcpy(result->summaries, r->plans.last.summaries, sizeof result->summaries);
    }
    return VC_OK;
}

/* Where the run goes on from; `room` is for a path of its own. */
static vc_status take_options(vc_distill_options *out, const calibrate_run *r, char room[CLI_PATH])
{
    const calibrate_options *o = r->o;
    *out = o->how;
    VC_TRY(cli_own_checkpoint(room, o->output));
    out->train.teacher = r->teacher;
    if (o->steps > 0) {
        const size_t each = vc_epoch_steps(r->learn, out->train.batch);
        out->train.epochs = (o->steps + each - 1) / each;
    }
    out->plans = r->plans.plans;
    out->plan_count = r->plans.count;
    out->output = o->output;
    out->checkpoint = o->checkpoint ? o->checkpoint : vc_file_is_special(o->output) ? NULL : room;
    return VC_OK;
}

static vc_status distill(calibrate_run *r, vc_distill_options *how)
{
    const vc_distill_hooks hooks = {on_step, on_epoch, r};
    json_t *settings = settings_of(r);
    if (!settings)
        return vc_fail(VC_ENOMEM, "out of memory for the settings");
    how->settings = settings;
    r->progress = vc_progress_begin("calibrating", 1);
    how->look = look_of(r, &r->progress);
    const vc_status status =
        vc_distill(&r->result->learnt, r->student, r->learn, r->held, how, &hooks);
    vc_progress_end(&r->progress);
    json_decref(settings);
    return status;
}

static vc_status learn(calibrate_run *r)
{
    calibrate_result *result = r->result;
    char checkpoint[CLI_PATH];
    vc_distill_options how;
    const double start = vc_clock_seconds();
    VC_TRY(take_options(&how, r, checkpoint));
    result->images = vc_source_count(r->learn);
    result->held_back = vc_source_count(r->held);
    if (!r->quiet)
        printf("%zu %s to learn from, %zu held back\n", result->images,
               vc_plural(result->images, "image", "images"), result->held_back);
    fflush(stdout);
    VC_TRY(distill(r, &how));
    result->seconds = vc_clock_seconds() - start;
    result->peak_mib = vc_peak_mebibytes();
    cli_note_precision(r->o->how.train.half ? VC_IN_BF16 : VC_IN_FP32);
    result->model = r->o->output;
    result->plan = r->o->plan_output;
    return tell_plan(result, r);
}

/* A file, since a model takes its auto-encoder from one. */
static vc_status make_coder(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    char place[CLI_PATH];
    const char *folder = getenv("TMPDIR");
    if (snprintf(place, sizeof place, "%s/vitcod", folder && *folder ? folder : "/tmp") >= CLI_PATH)
        return vc_fail(VC_EINVAL, "TMPDIR is longer than %d bytes", CLI_PATH);
    VC_TRY(vc_file_name_aside(&r->coder, vc_file_is_special(o->output) ? place : o->output));
    cli_autoencoder_options how = {.model = o->model,
                                   .data = o->data,
                                   .output = r->coder,
                                   .compressed = o->compressed,
                                   .coded = o->coded};
    how.model.plan = "none";
    how.data.spread = o->recipe.images;
    r->result->makes_coder = true;
    return cli_make_autoencoder(&r->result->coder, &how);
}

static vc_status open_student(calibrate_run *r, const cli_model_options *own)
{
    const vc_status status =
        cli_open_without_plan(&r->student, &r->result->plan_left_out, own, CLI_TRAIN);
    if (r->coder)
        unlink(r->coder);
    return status;
}

static vc_status open_models(calibrate_run *r)
{
    cli_model_options dense = r->o->model, own = r->o->model;
    if (r->o->makes_coder) {
        VC_TRY(make_coder(r));
        own.autoencoder = r->coder;
    }
    if (r->o->teacher)
        dense.path = r->o->teacher;
    dense.autoencoder = NULL;
    dense.aside = 1;
    dense.plan = own.plan = NULL;
    const int measures = r->o->stage_count > 0 && vc_plan_recipe_measures(&r->o->recipe);
    VC_TRY(cli_open_without_plan(&r->teacher, &r->result->plan_left_out, &dense,
                                 measures ? CLI_TRAIN : CLI_RUN));
    VC_TRY(open_student(r, &own));
    if (!r->quiet)
        cli_print_without_plan(r->result->plan_left_out);
    char those[VC_FAMILIES_TEXT];
    if (!vc_model_can(&r->student->config, VC_ABILITY_BLOCKS))
        return vc_fail(VC_EUNSUPPORTED, "%s: a %s cannot be calibrated, wanted %s", own.path,
                       vc_model_family(&r->student->config),
                       vc_families_that_can(those, VC_ABILITY_BLOCKS));
    vc_train_options how = r->o->how.train;
    how.teacher = r->teacher;
    return vc_train_check_teacher(&how, r->student);
}

static vc_status lock_and_try(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    VC_TRY(vc_file_lock_open(&r->model_lock, o->output));
    VC_TRY(vc_file_lock_open(&r->checkpoint_lock, o->checkpoint));
    VC_TRY(vc_file_try(o->output));
    return o->plan_output ? vc_file_try(o->plan_output) : VC_OK;
}

vc_status calibrate_all(calibrate_result *result, const calibrate_options *o, int quiet)
{
    calibrate_run r = {.o = o, .result = result, .quiet = quiet};
    vc_status status = lock_and_try(&r);
    if (status == VC_OK)
        status = open_models(&r);
    if (status == VC_OK)
        status = open_images(&r);
    if (status == VC_OK)
        status = make_plans(&r);
    if (status == VC_OK)
        status = learn(&r);
    vc_stage_plans_close(&r.plans);
    vc_source_close(r.learn);
    vc_source_close(r.held);
    vc_source_close(r.images);
    vc_model_close(r.student);
    vc_model_close(r.teacher);
    if (r.coder)
        unlink(r.coder);
    free(r.coder);
    vc_file_lock_close(&r.model_lock);
    vc_file_lock_close(&r.checkpoint_lock);
    return status;
}
