/* Calibration: models, images, plans, learning. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "calibrate.h"
#include "learning.h"
#include "make_autoencoder.h"
#include "open_plan.h"
#include "vitcod/clock.h"
#include "vitcod/file.h"

static void on_step(void *context, size_t step, size_t steps, double best)
{
    calibrate_run *r = context;
    char note[64];
    snprintf(note, sizeof note, "agreement of the best %.1f %%", 100.0 * best);
    r->progress.total = steps;
    vc_progress_update(&r->progress, step, note);
}

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void on_epoch(void *context, const json_t *entry)
{
    calibrate_run *r = context;
    if (r->json)
        return;
    vc_progress_end(&r->progress);
    if (r->plan_count > 1)
        printf("stage %.0f/%zu  ", real_of(entry, "stage"), r->plan_count);
    printf(
        "epoch %.0f/%.0f  agreement %.1f %%, of the best %.1f %%  divergence %.4f  %.1f images/s\n",
        real_of(entry, "epoch"), real_of(entry, "epochs"), 100.0 * real_of(entry, "agreement"),
        100.0 * real_of(entry, "best_agreement"), real_of(entry, "divergence"),
        real_of(entry, "images_per_s"));
    fflush(stdout);
}

/* Everything that the files depend on. */
static json_t *settings_of(const calibrate_run *r)
{
    json_t *all = json_copy(r->o->settings);
    char plan[32];
    json_object_set_new(all, "MODEL", cli_text(r->o->model.path));
    json_object_set_new(all, "--seed", json_integer((json_int_t)r->o->how.train.seed));
    if (r->plan_count > 0) {
        snprintf(plan, sizeof plan, "%016llx",
                 (unsigned long long)vc_plan_hash(&r->plans[r->plan_count - 1]));
        json_object_set_new(all, "plan", json_string(plan));
    }
    return all;
}

static double peak_mebibytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

static void describe_plan(json_t *result, const calibrate_run *r)
{
    if (r->plan_count == 0)
        return;
    const vc_plan *plan = &r->plans[r->plan_count - 1];
    cli_add_plan_hash(result, plan);
    json_object_set_new(result, "residual",
                        json_string(plan->layers[0].kept_share ? "mean" : "none"));
    if (!r->o->model.plan)
        json_object_set_new(result, "rule", json_string(r->o->recipe.rule));
}

static vc_status learn(calibrate_run *r, json_t *result)
{
    const calibrate_options *o = r->o;
    char checkpoint[CLI_PATH];
    vc_distilled done;
    vc_distill_options how = o->how;
    const vc_distill_hooks hooks = {on_step, on_epoch, r};
    const double start = vc_clock_seconds();
    VC_TRY(cli_own_checkpoint(checkpoint, o->output));
    how.train.teacher = r->teacher;
    if (o->steps > 0) {
        const size_t each = vc_epoch_steps(r->learn, how.train.batch);
        how.train.epochs = (o->steps + each - 1) / each;
    }
    how.plans = r->plans;
    how.plan_count = r->plan_count;
    how.output = o->output;
    how.checkpoint = o->checkpoint ? o->checkpoint : checkpoint;
    json_t *settings = settings_of(r);
    how.settings = settings;
    if (!r->json)
        printf("%zu images to learn from, %zu held back\n", vc_source_count(r->learn),
               vc_source_count(r->held));
    fflush(stdout);
    r->progress = vc_progress_begin("calibrating", 1);
    cli_broken_images broken;
    how.look = calibrate_look(r, &broken, &r->progress);
    const vc_status status = vc_distill(&done, r->student, r->learn, r->held, &how, &hooks);
    vc_progress_end(&r->progress);
    json_decref(settings);
    VC_TRY(status);
    json_object_update_new(
        result,
        json_pack("{s:I, s:I, s:f, s:f, s:I, s:I, s:f, s:f, s:o, s:O}", "images",
                  (json_int_t)vc_source_count(r->learn), "held_back",
                  (json_int_t)vc_source_count(r->held), "agreement_before", done.before,
                  "agreement", done.agreement, "epochs", (json_int_t)done.epochs, "best_epoch",
                  (json_int_t)done.best_epoch, "seconds", vc_clock_seconds() - start, "peak_mib",
                  peak_mebibytes(), "model", cli_text(o->output), "log", done.log));
    if (o->plan_output)
        json_object_set_new(result, "plan", cli_text(o->plan_output));
    describe_plan(result, r);
    vc_distilled_close(&done);
    return VC_OK;
}

/* A file, since a model takes its auto-encoder from one. */
static vc_status make_coder(json_t *result, calibrate_run *r)
{
    const calibrate_options *o = r->o;
    if ((size_t)snprintf(r->coder, sizeof r->coder, "%s.XXXXXX", o->output) >= sizeof r->coder)
        return vc_fail(VC_EINVAL, "%s: the path is too long", o->output);
    const int file = mkstemp(r->coder);
    if (file < 0) {
        r->coder[0] = '\0';
        return vc_fail(VC_EIO, "%s: cannot write beside it", o->output);
    }
    close(file);
    cli_autoencoder_options how = {.model = o->model,
                                   .data = o->data,
                                   .output = r->coder,
                                   .compressed = o->compressed,
                                   .coded = o->coded};
    how.model.plan = "none";
    VC_TRY(cli_make_autoencoder(result, &how));
    json_object_del(result, "autoencoder"); /* it is inside the model */
    return VC_OK;
}

static vc_status open_models(calibrate_run *r, json_t *result)
{
    cli_model_options dense = r->o->model, own = r->o->model;
    if (r->o->makes_coder) {
        VC_TRY(make_coder(result, r));
        own.autoencoder = r->coder;
    }
    if (r->o->teacher)
        dense.path = r->o->teacher;
    dense.autoencoder = NULL;
    dense.plan = own.plan = NULL;
    VC_TRY(cli_open_without_plan(&r->teacher, result, &dense, CLI_RUN));
    VC_TRY(cli_open_without_plan(&r->student, result, &own, CLI_TRAIN));
    if (!r->json)
        cli_print_without_plan(result);
    char those[VC_FAMILIES_TEXT];
    if (!vc_model_can(&r->student->config, VC_ABILITY_BLOCKS))
        return vc_fail(VC_EUNSUPPORTED, "%s: a %s cannot be calibrated, wanted %s", own.path,
                       vc_model_family(&r->student->config),
                       vc_families_that_can(those, VC_ABILITY_BLOCKS));
    vc_train_options how = r->o->how.train;
    how.teacher = r->teacher;
    return vc_train_check_teacher(&how, r->student);
}

vc_status calibrate_all(json_t *result, const calibrate_options *o, int json)
{
    calibrate_run r = {.o = o, .json = json, .broken = json_array()};
    json_object_set_new(result, "broken_images", r.broken);
    VC_TRY(vc_file_try(o->output));
    if (o->plan_output)
        VC_TRY(vc_file_try(o->plan_output));
    vc_status status = open_models(&r, result);
    if (status == VC_OK)
        status = calibrate_open_images(&r);
    if (status == VC_OK)
        status = calibrate_prune(&r, result);
    if (status == VC_OK)
        status = learn(&r, result);
    for (size_t s = 0; s < r.plan_count; s++)
        vc_plan_close(&r.plans[s]);
    vc_source_close(r.learn);
    vc_source_close(r.held);
    vc_source_close(r.images);
    vc_model_close(r.student);
    vc_model_close(r.teacher);
    if (r.coder[0])
        unlink(r.coder);
    return status;
}

void calibrate_print(const json_t *result)
{
    printf("%s: agreement with the dense model %.1f %% (before learning %.1f %%), best after epoch "
           "%.0f, %.0f s, peak %.0f MiB\n",
           json_string_value(json_object_get(result, "model")),
           100.0 * real_of(result, "agreement"), 100.0 * real_of(result, "agreement_before"),
           real_of(result, "best_epoch"), real_of(result, "seconds"), real_of(result, "peak_mib"));
}
