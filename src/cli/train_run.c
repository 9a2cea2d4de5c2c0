/* Training: models, images, the loop, its log. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "interrupt.h"
#include "learning.h"
#include "together.h"
#include "train.h"
#include "vitcod/comm.h"
#include "vitcod/file.h"
#include "vitcod/plural.h"
#include "vitcod/progress.h"

typedef struct train_run {
    const train_options *options;
    vc_progress progress;
    vc_train_log log;
    int quiet;
    train_result *result;
    size_t joints; /* of poses, 0: images */
    int began;     /* to train */
    vc_file_lock model_lock, checkpoint_lock;
} train_run;

static const vc_field fields[] = {
    {VC_FIELD(train_result, model, "", "file that was written")},
    {VC_FIELD(train_result, images, "", "images to learn from")},
    {VC_FIELD(train_result, judged_by, "",
              "what epochs are judged by: test images; held-back, of those to learn from; none")},
    {VC_FIELD(train_result, judges, "", "images that epochs are judged by")},
    {VC_FIELD_RECORDS(train_result, epochs, epoch_count, "epochs", &vc_train_line_record,
                      "every epoch")},
    {VC_FIELD_LIST(train_result, seen.broken, seen.broken_count, "broken_images", "",
                   "images that could not be read")},
};
const vc_record train_record = VC_RECORD("train", train_result, fields);

static void on_step(void *context, size_t step, size_t steps, double loss)
{
    train_run *r = context;
    char note[48];
    snprintf(note, sizeof note, "loss %.4f", loss);
    r->progress.total = steps;
    vc_progress_update(&r->progress, step, note);
}

static vc_status on_group(void *context, const vc_group_report *r)
{
    train_run *owner = context;
    const vc_train_line line = vc_train_line_of_group(r, owner->options->teacher != NULL);
    return vc_train_log_write(&owner->log, &line);
}

static void on_broken(void *context, size_t index, const char *name, const char *message)
{
    train_run *r = context;
    r->result->seen.progress = &r->progress;
    cli_on_broken(&r->result->seen, index, name, message);
}

static vc_status keep_line(train_result *result, const vc_train_line *line)
{
    vc_train_line *longer =
        realloc(result->epochs, (result->epoch_count + 1) * sizeof *result->epochs);
    if (!longer)
        return vc_fail(VC_ENOMEM, "out of memory for the epochs");
    longer[result->epoch_count++] = *line;
    result->epochs = longer;
    return VC_OK;
}

static void print_top1(const vc_epoch_report *report, const vc_train_line *line)
{
    printf("  train top-1 %.2f %%", line->train_top1);
    if (report->tested)
        printf("  %s top-1 %.2f %%", line->judged_by,
               report->held_back ? line->held_back_top1 : line->test_top1);
    if (report->averaged.images > 0)
        printf(", averaged %.2f %%", line->averaged_top1);
}

static void print_mpjpe(const vc_epoch_report *report, const vc_train_line *line)
{
    if (report->tested && report->test.mpjpe > 0.0)
        printf("  %s MPJPE %.2f mm", line->judged_by, report->test.mpjpe);
    if (report->averaged.mpjpe > 0.0)
        printf(", averaged %.2f mm", report->averaged.mpjpe);
}

static vc_status on_epoch(void *context, const vc_epoch_report *report)
{
    train_run *r = context;
    const vc_train_line line = vc_train_line_of_epoch(report);
    VC_TRY(vc_train_log_write(&r->log, &line));
    VC_TRY(keep_line(r->result, &line));
    if (r->quiet)
        return VC_OK;
    vc_progress_end(&r->progress);
    printf("epoch %zu/%zu  loss %.4f", report->epoch, report->epochs, line.loss);
    if (isfinite(line.train_top1))
        print_top1(report, &line);
    else
        print_mpjpe(report, &line);
    printf("  lr %.2e  %.0f %s/s\n", line.learning_rate, line.images_per_s,
           vc_samples(r->joints, 0));
    fflush(stdout);
    return VC_OK;
}

static vc_status try_outputs(train_run *r, const char *checkpoint)
{
    const train_options *o = r->options;
    VC_TRY(vc_file_lock_open(&r->model_lock, o->output));
    VC_TRY(vc_file_lock_open(&r->checkpoint_lock, o->checkpoint));
    VC_TRY(vc_file_try(o->output));
    if (checkpoint)
        VC_TRY(vc_file_try(checkpoint));
    return o->log ? vc_train_log_try(o->log) : VC_OK;
}

/* What goes wrong in one process leaves the others waiting for it. What its options say goes
 * wrong in all alike, and an end from outside is agreed upon. The first may be writing a
 * checkpoint. Sums on their way still write into the model, so this comes before anything is
 * freed. */
static void end_others(const train_run *r, vc_status status)
{
    const int alike =
        status == VC_EINTR || (!r->began && (status == VC_EINVAL || status == VC_EUNSUPPORTED));
    if (!alike)
        cli_end_others();
}

/* What epochs will be judged by. */
static void tell_judge(const train_run *r)
{
    const train_options *o = r->options;
    const train_result *result = r->result;
    if (!isnan(o->hold_back))
        printf("%zu %s to learn from, %zu held back\n", result->images,
               vc_samples(r->joints, result->images), result->judges);
    else if (o->test && result->judges == 0 && r->joints > 0)
        printf("%s: no --test-subjects, so no MPJPE; --hold-back X keeps sequences to judge by\n",
               o->data);
    else if (o->test && result->judges == 0)
        printf("%s: no test images, so no test top-1; --hold-back X keeps some to judge by\n",
               o->data);
    fflush(stdout);
}

static vc_status train_and_write(train_run *r, vc_model *model, const vc_train_options *how,
                                 const train_sets *sets, const char *checkpoint)
{
    const train_options *o = r->options;
    const vc_train_hooks hooks = {.on_step = on_step,
                                  .on_epoch = on_epoch,
                                  .on_group = on_group,
                                  .on_broken = on_broken,
                                  .interrupted = cli_catch_signals(),
                                  .context = r};
    r->joints = vc_source_joints(sets->learn);
    if (vc_comm_rank() == 0)
        VC_TRY(try_outputs(r, checkpoint));
    if (vc_comm_rank() == 0 && !r->quiet)
        tell_judge(r);
    if (vc_comm_rank() == 0)
        r->progress = vc_progress_begin("training", 1);
    r->began = 1;
    vc_status status =
        vc_train(model, sets->learn, sets->judge, how, checkpoint, o->resume, &hooks);
    vc_progress_end(&r->progress);
    vc_train_log_close(&r->log);
    if (status != VC_OK)
        end_others(r, status);
    VC_TRY(status);
    if (vc_comm_rank() > 0)
        return VC_OK;
    VC_TRY(vc_model_write(o->output, model));
    if (checkpoint && !o->checkpoint) /* ours, and no longer needed */
        vc_checkpoint_remove(checkpoint, o->train.keep);
    return VC_OK;
}

static vc_status open_and_train(train_run *r, size_t seed)
{
    const train_options *o = r->options;
    char own_checkpoint[CLI_PATH];
    VC_TRY(cli_own_checkpoint(own_checkpoint, o->output));
    const char *checkpoint = o->checkpoint ? o->checkpoint : own_checkpoint;
    if (!o->checkpoint && vc_file_is_special(o->output))
        checkpoint = NULL;
    train_sets sets;
    vc_model *model = NULL, *teacher = NULL;
    VC_TRY(train_open_sets(&sets, o));
    vc_status status = train_open_model(&model, o, sets.learn, seed);
    if (status == VC_OK && o->teacher) {
        const cli_model_options plain = {.path = o->teacher, .heads = o->teacher_heads, .aside = 1};
        status = cli_open_model(&teacher, &plain, CLI_RUN);
    }
    vc_train_options how = o->train;
    how.teacher = teacher;
    how.held_back = !isnan(o->hold_back);
    r->result->images = vc_source_count(sets.learn);
    r->result->judges = sets.judge ? vc_source_count(sets.judge) : 0;
    r->result->judged_by = vc_train_judge(sets.judge != NULL, how.held_back);
    if (status == VC_OK)
        status = train_fit_poses(&how, o, model);
    cli_note_precision(how.half ? VC_IN_BF16 : VC_IN_FP32);
    if (status == VC_OK)
        status = train_and_write(r, model, &how, &sets, checkpoint);
    vc_model_close(teacher);
    vc_model_close(model);
    train_close_sets(&sets);
    return status;
}

int train_all(train_result *result, const train_options *options, int quiet, size_t seed)
{
    train_run r = {.options = options,
                   .quiet = quiet,
                   .result = result,
                   .log = {.path = options->log, .append = options->resume}};
    if (vc_comm_open() != VC_OK)
        return cli_fail();
    const vc_status status = open_and_train(&r, seed);
    const int first = vc_comm_rank() == 0;
    int code = CLI_OK;
    if (status != VC_OK)
        code = first ? cli_fail() : CLI_FAILED;
    if (status != VC_OK)
        end_others(&r, status);
    vc_comm_close();
    vc_file_lock_close(&r.model_lock);
    vc_file_lock_close(&r.checkpoint_lock);
    if (code == CLI_OK && !first) /* of which the first says what it has seen */
        return cli_judge_images(code, &result->seen, options->skip_broken);
    return code == CLI_OK ? CLI_CONTINUE : code;
}
