/* Calibration: models, images, and what a run that was stopped has left. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "calibrate_run.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/file.h"
#include "vitcod/plural.h"

/* ---- models */

int calibrate_take_autoencoder(const cli_command *command, calibrate_options *o)
{
    const char *text = o->autoencoder;
    if (!text) {
        if (o->compressed > 0)
            return cli_usage(command, "--compressed belongs to --autoencoder");
        return CLI_CONTINUE;
    }
    o->makes_coder = cli_is_coded(text);
    if (o->makes_coder)
        return cli_take_coded(&o->coded, command, text);
    if (o->compressed > 0)
        return cli_usage(command, "--compressed belongs to --autoencoder qk, q or k");
    o->model.autoencoder = text;
    return CLI_CONTINUE;
}

/* A file, since a model takes its auto-encoder from one. */
static vc_status make_coder(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    char place[CLI_PATH];
    VC_TRY(cli_check_alone("--autoencoder qk, q or k is made"));
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
    if (vc_model_input_of(&r->student->config).joints > 0 && !r->o->usual_crop)
        return vc_fail(VC_EINVAL, "--crop is of images, and a %s takes poses",
                       vc_model_family(&r->student->config));
    vc_train_options how = r->o->how.train;
    how.teacher = r->teacher;
    return vc_train_check_teacher(&how, r->student);
}

/* ---- images */

static vc_status open_images(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    VC_TRY(cli_open_source(&r->images, &o->data, 0));
    VC_TRY(vc_source_split_parts(&r->learn, &r->held, r->images, o->held));
    const size_t learn = vc_source_count(r->learn), held = vc_source_count(r->held),
                 joints = vc_source_joints(r->images);
    if (learn < o->how.train.batch)
        return vc_fail(
            VC_EINVAL, "%s: %zu %s to learn from and %zu held back, wanted at least a batch of %zu",
            o->data.paths.items[0], learn, vc_samples(joints, learn), held, o->how.train.batch);
    for (size_t p = 0; p < vc_source_parts(r->images); p++)
        if (vc_source_part_count(r->held, p) == 0)
            return vc_fail(VC_EINVAL, "%s: none of its %zu %s is held back, wanted %s",
                           vc_source_path(r->images, p), vc_source_part_count(r->images, p),
                           vc_samples(joints, vc_source_part_count(r->images, p)), "--hold-back N");
    return VC_OK;
}

/* ---- a run that was stopped */

static vc_status name_files(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    if (!o->checkpoint && vc_file_is_special(o->output))
        return VC_OK;
    VC_TRY(cli_own_checkpoint(r->checkpoint, o->output));
    if (o->checkpoint &&
        (size_t)snprintf(r->checkpoint, sizeof r->checkpoint, "%s", o->checkpoint) >= CLI_PATH)
        return vc_fail(VC_EINVAL, "%s: the path is too long", o->checkpoint);
    if ((size_t)snprintf(r->heads, sizeof r->heads, "%s.heads", r->checkpoint) >= CLI_PATH)
        return vc_fail(VC_EINVAL, "%s: the path is too long", r->checkpoint);
    return VC_OK;
}

/* Learning goes on from a checkpoint, measuring from a file of its own. */
static vc_status find_what_is_left(calibrate_run *r)
{
    char journal[CLI_PATH + 8];
    const int measures = r->o->stage_count > 0 && vc_plan_recipe_measures(&r->o->recipe);
    VC_TRY(name_files(r));
    if (!r->checkpoint[0])
        return r->o->how.resume
                   ? vc_fail(VC_EINVAL, "%s: nothing can be gone on from beside it", r->o->output)
                   : VC_OK;
    snprintf(journal, sizeof journal, "%s.json", r->checkpoint);
    r->learns_on = r->o->how.resume && access(journal, F_OK) == 0;
    if (!r->o->how.resume && vc_comm_rank() == 0 && vc_maps_are_in(r->heads))
        unlink(r->heads);
    if (!r->o->how.resume || r->learns_on || (measures && access(r->heads, F_OK) == 0))
        return VC_OK;
    return vc_fail(VC_EIO, "%s: cannot open%s%s: there is nothing to go on from", journal,
                   measures ? ", nor " : "", measures ? r->heads : "");
}

static vc_status lock_and_try(calibrate_run *r)
{
    const calibrate_options *o = r->o;
    if (vc_comm_rank() > 0) /* the first writes */
        return VC_OK;
    VC_TRY(vc_file_lock_open(&r->model_lock, o->output));
    VC_TRY(vc_file_lock_open(&r->checkpoint_lock, o->checkpoint));
    VC_TRY(vc_file_try(o->output));
    if (o->recipe.curves)
        VC_TRY(vc_file_try(o->recipe.curves));
    return o->plan_output ? vc_file_try(o->plan_output) : VC_OK;
}

vc_status calibrate_open(calibrate_run *r)
{
    VC_TRY(lock_and_try(r));
    VC_TRY(find_what_is_left(r));
    VC_TRY(open_images(r));
    return open_models(r);
}

void calibrate_close(calibrate_run *r)
{
    vc_stage_plans_close(&r->plans);
    vc_source_close(r->learn);
    vc_source_close(r->held);
    vc_source_close(r->images);
    vc_model_close(r->student);
    vc_model_close(r->teacher);
    if (r->coder)
        unlink(r->coder);
    free(r->coder);
    vc_file_lock_close(&r->model_lock);
    vc_file_lock_close(&r->checkpoint_lock);
}
