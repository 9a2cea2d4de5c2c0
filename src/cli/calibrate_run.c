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

typedef struct calibrate_run {
    const calibrate_options *o;
    vc_model *teacher, *student;
    vc_source *images, *learn, *held;
    json_t *broken; /* names of images that cannot be read */
    vc_stage_plans plans;
    char coder[CLI_PATH]; /* the file of an auto-encoder made here; empty: none */
    int json;
    vc_progress progress;
} calibrate_run;

/* ---- images, and what is pruned by them */

static vc_status open_images(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    VC_TRY(cli_open_source(&r->images, &o->data, 0));
    VC_TRY(vc_source_split(&r->learn, &r->held, r->images, o->data.limit, o->hold_back));
    const size_t learn = vc_source_count(r->learn), held = vc_source_count(r->held);
    if (learn < o->how.train.batch || held == 0)
        return vc_fail(VC_EINVAL,
                       "%s: %zu images to learn from and %zu held back, wanted at least a batch "
                       "of %zu and one",
                       o->data.path, learn, held, o->how.train.batch);
    return VC_OK;
}

/* How images are looked at as they are; broken ones go on the run's list. */
static vc_look look_of(const calibrate_run *r, cli_broken_images *broken, vc_progress *progress)
{
    vc_look how = vc_look_default();
    *broken = (cli_broken_images){r->broken, progress};
    how.batch = r->o->how.train.batch;
    how.crop_fraction = r->o->data.crop_fraction;
    how.on_broken = cli_on_broken;
    how.context = broken;
    how.progress = progress;
    return how;
}

static void note_seen(json_t *result, const vc_seen *seen)
{
    json_object_set_new(result, "classes_seen", json_integer((json_int_t)seen->classes));
    if (seen->classes == 1)
        fprintf(stderr,
                "warning: the model sees class %zu in all %zu images; what it learns from one "
                "class may not hold for others\n",
                seen->last_class, seen->images);
}

static vc_status make_plans(calibrate_run *r, json_t *result)
{
    const calibrate_options *o = r->o;
    const vc_stage_recipe recipe = {o->recipe, o->stages, o->stage_count};
    cli_broken_images broken;
    vc_seen seen;
    vc_progress progress = vc_progress_begin("attention", vc_source_count(r->learn));
    const vc_look how = look_of(r, &broken, &progress);
    const vc_status status =
        vc_stage_plans_make(&r->plans, &seen, r->teacher, r->learn, &recipe, &how, o->model.path);
    vc_progress_end(&progress);
    VC_TRY(status);
    if (o->model.plan)
        VC_TRY(vc_stage_plans_add(&r->plans, &r->student->config, o->model.plan));
    if (r->plans.count > 0)
        json_object_set_new(result, "sparsity", json_real(r->plans.sparsity));
    if (o->plan_output && r->plans.count > 0)
        VC_TRY(vc_plan_write(o->plan_output, &r->plans.plans[r->plans.count - 1]));
    note_seen(result, &seen);
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

static void on_epoch(void *context, const json_t *entry)
{
    calibrate_run *r = context;
    if (r->json)
        return;
    vc_progress_end(&r->progress);
    if (r->plans.count > 1)
        printf("stage %.0f/%zu  ", vc_json_number(entry, "stage"), r->plans.count);
    printf(
        "epoch %.0f/%.0f  agreement %.1f %%, of the best %.1f %%  divergence %.4f  %.1f images/s\n",
        vc_json_number(entry, "epoch"), vc_json_number(entry, "epochs"),
        100.0 * vc_json_number(entry, "agreement"), 100.0 * vc_json_number(entry, "best_agreement"),
        vc_json_number(entry, "divergence"), vc_json_number(entry, "images_per_s"));
    fflush(stdout);
}

/* Everything that the files depend on. */
static json_t *settings_of(const calibrate_run *r)
{
    json_t *all = json_copy(r->o->settings);
    char plan[VC_PLAN_HASH_TEXT];
    json_object_set_new(all, "MODEL", cli_text(r->o->model.path));
    json_object_set_new(all, "--seed", json_integer((json_int_t)r->o->how.train.seed));
    if (r->plans.count > 0) {
        vc_plan_hash_text(plan, &r->plans.plans[r->plans.count - 1]);
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
    if (r->plans.count == 0)
        return;
    const vc_plan *plan = &r->plans.plans[r->plans.count - 1];
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
    how.plans = r->plans.plans;
    how.plan_count = r->plans.count;
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
    how.look = look_of(r, &broken, &r->progress);
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
        status = open_images(&r);
    if (status == VC_OK)
        status = make_plans(&r, result);
    if (status == VC_OK)
        status = learn(&r, result);
    vc_stage_plans_close(&r.plans);
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
           100.0 * vc_json_number(result, "agreement"),
           100.0 * vc_json_number(result, "agreement_before"), vc_json_number(result, "best_epoch"),
           vc_json_number(result, "seconds"), vc_json_number(result, "peak_mib"));
}
