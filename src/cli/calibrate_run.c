/* Calibration: models, images, plans, learning. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calibrate_run.h"
#include "learning.h"
#include "open_plan.h"
#include "together.h"
#include "vitcod/clock.h"
#include "vitcod/comm.h"
#include "vitcod/file.h"
#include "vitcod/plural.h"

/* ---- images, and what is pruned by them */

/* How images are looked at as they are; broken ones are named in the result. */
static vc_look look_of(const calibrate_run *r, vc_progress *progress)
{
    vc_look how = vc_look_default();
    r->result->seen.progress = progress;
    how.batch = r->o->how.train.batch;
    how.on_broken = cli_on_broken;
    how.context = &r->result->seen;
    how.progress = vc_comm_rank() == 0 ? progress : NULL;
    how.together = vc_comm_size() > 1;
    return how;
}

static void note_seen(calibrate_result *result, const vc_seen *seen)
{
    result->classes_seen = seen->classes;
    if (seen->classes == 1 && vc_comm_rank() == 0)
        fprintf(stderr,
                "warning: the model sees class %zu in all %zu images; what it learns from one "
                "class may not hold for others\n",
                seen->last_class, seen->images);
}

/* Everything that the files depend on. */
static json_t *settings_of(const calibrate_run *r)
{
    json_t *all = vc_json_copy(r->o->settings);
    char plan[VC_PLAN_HASH_TEXT];
    vc_json_set(&all, "MODEL", vc_json_text(r->o->model.path));
    vc_json_set(&all, "--seed", json_integer((json_int_t)r->o->how.train.seed));
    if (r->plans.count > 0) {
        vc_plan_hash_text(plan, &r->plans.plans[r->plans.count - 1]);
        vc_json_set(&all, "plan", json_string(plan));
    }
    return all;
}

static vc_status make_plans(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    json_t *settings = settings_of(r);
    const vc_stage_recipe recipe = {.plan = o->recipe,
                                    .sparsities = o->stages,
                                    .count = o->stage_count,
                                    .keep = {.path = r->heads[0] ? r->heads : NULL,
                                             .settings = settings,
                                             .resume = o->how.resume,
                                             .seconds = CLI_KEEP_SECONDS}};
    vc_seen seen;
    if (!settings)
        return vc_fail(VC_ENOMEM, "out of memory for the settings");
    vc_progress progress = vc_progress_begin("attention", 1);
    const vc_look how = look_of(r, &progress);
    const vc_status status =
        vc_stage_plans_make(&r->plans, &seen, r->teacher, r->learn, &recipe, &how, o->model.path);
    vc_progress_end(&progress);
    json_decref(settings);
    /* A plan that cannot be made can at no other time; a full disk is another matter. */
    if (status == VC_EINVAL && !o->how.resume && vc_comm_rank() == 0)
        unlink(r->heads);
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
    if (isnan(best)) /* there are no classes */
        note[0] = '\0';
    else
        snprintf(note, sizeof note, "agreement of the best %.1f %%", 100.0 * best);
    if (r->progress.total == 1 && step > 0) /* of a run that was stopped as well */
        vc_progress_go_on(&r->progress, step - 1);
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
    if (isnan(best))
        printf("epoch %zu/%zu  distance %.4f  %.1f %s/s\n", e->epoch, report->epochs,
               e->held.distance, report->mean.images_per_second, vc_samples(r->result->poses, 0));
    else
        printf("epoch %zu/%zu  agreement %.1f %%, of the best %.1f %%  divergence %.4f  %.1f "
               "images/s\n",
               e->epoch, report->epochs, 100.0 * e->held.agreement, 100.0 * best,
               e->held.divergence, report->mean.images_per_second);
    fflush(stdout);
}

/* The plan as it was learnt. */
static vc_status tell_plan(calibrate_result *result, const calibrate_run *r)
{
    const vc_plan *plan = vc_model_plan(r->student);
    if (!plan)
        return VC_OK;
    if (r->o->plan_output && vc_comm_rank() == 0)
        VC_TRY(vc_plan_write(r->o->plan_output, plan));
    vc_plan_hash_text(result->plan_hash, plan);
    result->residual = plan->layers[0].kept_share ? "mean" : "none";
    if (!r->o->model.plan) {
        result->rule = r->o->recipe.rule;
        memcpy(result->summaries, r->plans.last.summaries, sizeof result->summaries);
    }
    return VC_OK;
}

static void take_options(vc_distill_options *out, const calibrate_run *r)
{
    const calibrate_options *o = r->o;
    *out = o->how;
    if (vc_model_input_of(&r->student->config).joints > 0)
        out->train.augment.crop_least = out->train.augment.crop_most = 0.0;
    out->train.teacher = r->teacher;
    if (o->steps > 0) {
        const size_t each = vc_epoch_steps(r->learn, out->train.batch);
        out->train.epochs = o->steps / each + (o->steps % each != 0);
    }
    out->plans = r->plans.plans;
    out->plan_count = r->plans.count;
    out->output = o->output;
    out->checkpoint = r->checkpoint[0] ? r->checkpoint : NULL;
    out->resume = r->learns_on;
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
    vc_distill_options how;
    const double start = vc_clock_seconds();
    if (!isnan(r->o->how.coder_learning_rate) && !vc_model_is_compressed(&r->student->config))
        return vc_fail(VC_EINVAL, "%s: --lr-autoencoder is of an auto-encoder, and there is none",
                       r->o->model.path);
    take_options(&how, r);
    result->images = vc_source_count(r->learn);
    result->poses = vc_source_joints(r->learn) > 0;
    result->held_back = vc_source_count(r->held);
    if (!r->quiet)
        printf("%zu %s to learn from, %zu held back\n", result->images,
               vc_samples(result->poses, result->images), result->held_back);
    fflush(stdout);
    VC_TRY(distill(r, &how));
    result->seconds = vc_clock_seconds() - start;
    result->peak_mib = vc_peak_mebibytes();
    cli_note_precision(r->o->how.train.half ? VC_IN_BF16 : VC_IN_FP32);
    result->model = r->o->output;
    result->plan = r->o->plan_output;
    return tell_plan(result, r);
}

vc_status calibrate_all(calibrate_result *result, const calibrate_options *o, int quiet)
{
    calibrate_run r = {.o = o, .result = result, .quiet = quiet || vc_comm_rank() > 0};
    vc_status status = calibrate_open(&r);
    if (status == VC_OK)
        status = make_plans(&r);
    if (status == VC_OK)
        status = learn(&r);
    if (status == VC_OK && vc_comm_rank() == 0)
        unlink(r.heads);
    if (status == VC_OK && vc_comm_size() > 1)
        status = cli_share_broken(&result->seen);
    calibrate_close(&r);
    return status;
}
