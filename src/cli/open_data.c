#define _GNU_SOURCE /* tdestroy */
#include "open_data.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/plural.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cli_data_options cli_data_options_default(const char *split)
{
    return (cli_data_options){.split = split, .batch = 16};
}

int cli_check_data_options(const cli_command *command, const cli_data_options *options)
{
    return cli_check_batch(command, options->batch);
}

int cli_check_some(const cli_command *command, size_t *limit, size_t sample, size_t usual)
{
    if (sample > 0 && *limit != usual && *limit > 0)
        return cli_usage(command, "both --limit and --sample, wanted one of them");
    if (sample > 0)
        *limit = usual == CLI_UNSET ? CLI_UNSET : 0;
    return CLI_CONTINUE;
}

void cli_note_some(const vc_source *source, const vc_source_options *how)
{
    const size_t some = how->sample > 0 ? how->sample : how->limit;
    int cut = 0;
    for (size_t p = 0; some > 0 && p < vc_source_parts(source); p++)
        cut |= vc_source_part_count(source, p) == some;
    if (cut && how->sample > 0)
        cli_note_chosen("%zu of each --data, at random over classes, seed %llu", some,
                        (unsigned long long)how->seed);
    else if (cut)
        cli_note_chosen("the first %zu of each --data, in their order (folders: class by class)",
                        some);
}

int cli_is_upright(const char *exif)
{
    return exif && strcmp(exif, "on") == 0;
}

void cli_tell_poses(vc_source_options *how, const cli_pose_options *o)
{
    how->truth = o->truth;
    how->cameras = o->cameras;
    how->subjects = o->subjects;
    how->every = o->every;
}

static const vc_field fields[] = {
    {VC_FIELD(cli_images, images, "", "images that were read")},
    {VC_FIELD_LIST(cli_images, broken, broken_count, "broken_images", "",
                   "images that could not be read")},
};
const vc_record cli_images_record = VC_RECORD("images", cli_images, fields);

static void let_be(void *name)
{
    (void)name;
}

void cli_images_free(cli_images *images)
{
    tdestroy(images->by_name, let_be);
    for (size_t i = 0; i < images->broken_count; i++)
        free((char *)images->broken[i]);
    free(images->broken);
    free(images->indices);
    *images = (cli_images){0};
}

/* Makes room for one more name. */
static bool grow(cli_images *images)
{
    const size_t count = images->broken_count + 1;
    const char **names = realloc(images->broken, count * sizeof *names);
    if (names)
        images->broken = names;
    size_t *indices = realloc(images->indices, count * sizeof *indices);
    if (indices)
        images->indices = indices;
    return names && indices;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool is_named(const cli_images *images, const char *name)
{
    return tfind(name, &images->by_name, by_text) != NULL;
}

void cli_add_broken(cli_images *images, size_t index, const char *name)
{
    if (is_named(images, name))
        return;
    char *copy = strdup(name);
    if (!copy || !grow(images) || !tsearch(copy, &images->by_name, by_text)) {
        free(copy);
        images->out_of_memory = true;
        return;
    }
    size_t at = images->broken_count++;
    for (; at > 0 && images->indices[at - 1] > index; at--) {
        images->broken[at] = images->broken[at - 1];
        images->indices[at] = images->indices[at - 1];
    }
    images->broken[at] = copy;
    images->indices[at] = index;
}

void cli_on_broken(void *context, size_t index, const char *name, const char *message)
{
    cli_images *images = context;
    if (is_named(images, name))
        return;
    if (images->progress)
        vc_progress_end(images->progress);
    fprintf(stderr, "vitcod: %s\n", message);
    cli_add_broken(images, index, name);
}

vc_status cli_open_source(vc_source **out, const cli_data_options *o, int labelled)
{
    vc_source_options how = {.split = o->split,
                             .classes = o->classes,
                             .labelled = labelled,
                             .limit = o->limit,
                             .sample = o->sample,
                             .seed = o->seed,
                             .upright = cli_is_upright(o->exif)};
    cli_tell_poses(&how, &o->poses);
    VC_TRY(vc_source_open_all(out, o->paths.items, o->paths.count, &how));
    cli_note_some(*out, &how);
    if (o->convert)
        vc_source_convert(*out);
    return VC_OK;
}

vc_status cli_run_over_source(cli_images *images, vc_evaluation *out, const vc_model *model,
                              vc_source *source, const cli_data_options *o, const char *label,
                              const vc_runner *runner, vc_class_count *counts)
{
    vc_progress progress = vc_progress_begin(label, 1);
    vc_evaluate_options how = vc_evaluate_options_default();
    cli_images_free(images);
    images->progress = &progress;
    const vc_augment_options training = vc_augment_options_default();
    how.augment = o->train_transforms ? &training : NULL;
    how.seed = o->seed;
    how.counts = counts;
    how.progress = vc_comm_rank() == 0 ? &progress : NULL;
    how.on_broken = cli_on_broken;
    how.context = images;
    how.together = o->together;
    how.turns = o->turns;
    vc_status status = vc_evaluate(out, model, source, runner, &how);
    vc_progress_end(&progress);
    images->progress = NULL;
    images->images = out->images;
    if (status == VC_OK && o->together)
        status = cli_share_broken(images);
    if (status == VC_OK && images->out_of_memory)
        status = vc_fail(VC_ENOMEM, "out of memory for the names of broken images");
    return status;
}

vc_status cli_open_some(vc_source **out, vc_source **whole, const cli_data_options *o)
{
    vc_source *held = NULL;
    *out = NULL;
    VC_TRY(cli_open_source(whole, o, 0));
    const vc_status status = o->held ? vc_source_split_parts(out, &held, *whole, o->held)
                                     : vc_source_spread(out, *whole, SIZE_MAX);
    vc_source_close(held);
    if (status != VC_OK)
        vc_source_close(*whole);
    return status;
}

vc_status cli_run_some(cli_images *images, const vc_model *model, const cli_data_options *o,
                       const char *label, const vc_runner *runner)
{
    vc_source *whole, *some, *source;
    vc_evaluation ignored;
    VC_TRY(cli_open_some(&some, &whole, o));
    vc_status status = vc_source_spread(&source, some, o->spread ? o->spread : SIZE_MAX);
    if (status == VC_OK)
        status = cli_run_over_source(images, &ignored, model, source, o, label, runner, NULL);
    vc_source_close(source);
    vc_source_close(some);
    vc_source_close(whole);
    return status;
}

vc_status cli_tap_data(cli_images *images, const vc_model *model, const cli_data_options *o,
                       const char *label, const vc_tap *tap)
{
    vc_acts acts;
    cli_note_precision(VC_IN_FP32);
    VC_TRY(vc_acts_open(&acts, model, o->batch, 0));
    vc_forward_pass pass = {&acts, model, tap};
    const vc_runner runner = vc_forward_runner(&pass);
    const vc_status status = cli_run_some(images, model, o, label, &runner);
    vc_acts_close(&acts);
    return status;
}

int cli_judge_images(int code, const cli_images *images, int skip_broken)
{
    const size_t broken = images->broken_count;
    if (code != CLI_OK || broken == 0 || skip_broken)
        return code;
    fprintf(stderr, "vitcod: %zu %s could not be read and %s left out; --skip-broken allows that\n",
            broken, vc_plural(broken, "image", "images"), vc_plural(broken, "was", "were"));
    return CLI_FAILED;
}
