#include "vitcod/train_log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/file.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_train_line, epoch, "", "from 1")},
    {VC_FIELD(vc_train_line, step, "", "steps done in this epoch"), VC_KNOWN},
    {VC_FIELD(vc_train_line, steps, "", "of an epoch"), VC_KNOWN},
    {VC_FIELD(vc_train_line, loss, "", "mean")},
    {VC_FIELD(vc_train_line, reconstruction_loss, "", "mean squared error of the auto-encoder")},
    {VC_FIELD(vc_train_line, train_top1, "%", "of the images learnt from"), VC_KNOWN},
    {VC_FIELD(vc_train_line, learning_rate, "", "of the last step")},
    {VC_FIELD(vc_train_line, gradient_norm, "", "mean")},
    {VC_FIELD(vc_train_line, images_per_s, "1/s", "that were learnt from")},
    {VC_FIELD(vc_train_line, distillation_loss, "", "mean, from a teacher"), VC_KNOWN},
    {VC_FIELD(vc_train_line, judged_by, "",
              "of an epoch: test images; held-back, of those to learn from; none"),
     VC_KNOWN},
    {VC_FIELD(vc_train_line, test_top1, "%", "of the test images"), VC_KNOWN},
    {VC_FIELD(vc_train_line, test_loss, "", "of the test images"), VC_KNOWN},
    {VC_FIELD(vc_train_line, test_broken, "", "test images that could not be read"), VC_KNOWN},
    {VC_FIELD(vc_train_line, held_back_top1, "%", "of the images held back"), VC_KNOWN},
    {VC_FIELD(vc_train_line, held_back_loss, "", "of the images held back"), VC_KNOWN},
    {VC_FIELD(vc_train_line, held_back_broken, "", "held-back images that could not be read"),
     VC_KNOWN},
    {VC_FIELD(vc_train_line, averaged_top1, "%", "the same images, averaged parameters"), VC_KNOWN},
    {VC_FIELD(vc_train_line, test_mpjpe, "mm", "of the test poses: mean distance of joints"),
     VC_KNOWN},
    {VC_FIELD(vc_train_line, held_back_mpjpe, "mm", "of the poses held back"), VC_KNOWN},
    {VC_FIELD(vc_train_line, averaged_mpjpe, "mm", "the same poses, averaged parameters"),
     VC_KNOWN},
};
const vc_record vc_train_line_record = VC_RECORD("line of the log", vc_train_line, fields);

static double top1_of(const vc_evaluation *e)
{
    return 100.0 * (double)e->top1 / (double)e->images;
}

static vc_train_line line_of(const vc_step_means *m, int distilled)
{
    return (vc_train_line){.step = VC_NO_COUNT,
                           .steps = VC_NO_COUNT,
                           .loss = m->loss,
                           .reconstruction_loss = m->reconstruction,
                           .train_top1 = m->train_top1,
                           .learning_rate = m->learning_rate,
                           .gradient_norm = m->grad_norm,
                           .images_per_s = m->images_per_second,
                           .distillation_loss = distilled ? m->distillation : (double)NAN,
                           .test_top1 = NAN,
                           .test_loss = NAN,
                           .test_broken = VC_NO_COUNT,
                           .held_back_top1 = NAN,
                           .held_back_loss = NAN,
                           .held_back_broken = VC_NO_COUNT,
                           .averaged_top1 = NAN,
                           .test_mpjpe = NAN,
                           .held_back_mpjpe = NAN,
                           .averaged_mpjpe = NAN};
}

const char *vc_train_judge(int tested, int held_back)
{
    return !tested ? "none" : held_back ? "held-back" : "test";
}

vc_train_line vc_train_line_of_epoch(const vc_epoch_report *r)
{
    vc_train_line line = line_of(&r->mean, r->distilled);
    line.epoch = r->epoch;
    line.judged_by = vc_train_judge(r->tested, r->held_back);
    if (!r->tested)
        return line;
    if (r->test.mpjpe > 0.0)
        *(r->held_back ? &line.held_back_mpjpe : &line.test_mpjpe) = r->test.mpjpe;
    else
        *(r->held_back ? &line.held_back_top1 : &line.test_top1) = top1_of(&r->test);
    *(r->held_back ? &line.held_back_loss : &line.test_loss) = r->test.loss;
    if (r->test.broken > 0)
        *(r->held_back ? &line.held_back_broken : &line.test_broken) = r->test.broken;
    if (r->averaged.images > 0 && r->averaged.mpjpe > 0.0)
        line.averaged_mpjpe = r->averaged.mpjpe;
    else if (r->averaged.images > 0)
        line.averaged_top1 = top1_of(&r->averaged);
    return line;
}

vc_train_line vc_train_line_of_group(const vc_group_report *r, int distilled)
{
    vc_train_line line = line_of(&r->mean, distilled);
    line.epoch = r->epoch;
    line.step = r->step;
    line.steps = r->steps;
    return line;
}

/* Opening a pipe waits for its reader; a device is fine. */
static vc_status check_kind(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISFIFO(info.st_mode))
        return vc_fail(VC_EIO, "%s: is a pipe, wanted a regular file or a device", path);
    return VC_OK;
}

vc_status vc_train_log_try(const char *path)
{
    int there = access(path, F_OK) == 0;
    if (there)
        VC_TRY(check_kind(path));
    FILE *log = fopen(path, "a");
    if (!log)
        return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
    fclose(log);
    if (!there)
        unlink(path);
    return VC_OK;
}

/* Whether a line is about steps before those of another. */
static int is_before(const json_t *entry, const json_t *line)
{
    const json_t *steps[] = {json_object_get(entry, "step"), json_object_get(line, "step")};
    const json_int_t epochs[] = {json_integer_value(json_object_get(entry, "epoch")),
                                 json_integer_value(json_object_get(line, "epoch"))};
    if (epochs[0] != epochs[1])
        return epochs[0] < epochs[1];
    if (!steps[0] || !steps[1]) /* the line of an epoch comes after those of its steps */
        return steps[0] != NULL;
    return json_integer_value(steps[0]) < json_integer_value(steps[1]);
}

/* How much of a log stays in front of a line: a run that is resumed takes the steps since its
 * checkpoint again, and a run that is killed may leave the beginning of a line. */
static vc_status length_before(off_t *length, FILE *log, const json_t *line)
{
    char *text = NULL;
    size_t room = 0;
    ssize_t bytes = 0;
    int goes_on = 1;
    *length = 0;
    while (goes_on && (bytes = getline(&text, &room, log)) > 0) {
        json_error_t error;
        json_t *entry = vc_json_parse(text, (size_t)bytes, 0, &error);
        goes_on = text[bytes - 1] == '\n' && (!entry || is_before(entry, line));
        json_decref(entry);
        *length += goes_on ? bytes : 0;
    }
    free(text);
    return bytes < 0 && !feof(log) ? VC_EIO : VC_OK; /* what follows is not to be cut off */
}

/* A device has no lines to take back. */
static vc_status take_back(const vc_train_log *log, const json_t *line)
{
    off_t length;
    if (vc_file_is_special(log->path))
        return VC_OK;
    FILE *old = fopen(log->path, "re");
    if (!old)
        return vc_fail(VC_EIO, "%s: cannot read: %s", log->path, strerror(errno));
    const vc_status read = length_before(&length, old, line);
    fclose(old);
    if (read == VC_OK && truncate(log->path, length) == 0)
        return VC_OK;
    return vc_fail(VC_EIO, "%s: its last lines cannot be taken back: %s", log->path,
                   strerror(errno));
}

static vc_status open_log(vc_train_log *log, const json_t *line)
{
    log->file = fopen(log->path, "ae");
    if (!log->file)
        return vc_fail(VC_EIO, "%s: cannot write: %s", log->path, strerror(errno));
    if (flock(fileno(log->file), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return vc_fail(VC_EIO, "%s: another run writes it", log->path);
    if (log->append)
        return take_back(log, line);
    if (!vc_file_is_special(log->path) && ftruncate(fileno(log->file), 0) != 0)
        return vc_fail(VC_EIO, "%s: cannot write: %s", log->path, strerror(errno));
    return VC_OK;
}

static vc_status write_json(vc_train_log *log, const json_t *line)
{
    const vc_status status = log->file ? VC_OK : open_log(log, line);
    if (status != VC_OK) {
        vc_train_log_close(log); /* it may be another's */
        return status;
    }
    char *text = vc_json_dump(line, JSON_COMPACT | JSON_REAL_PRECISION(10));
    if (!text)
        return vc_fail(VC_ENOMEM, "%s: out of memory for a line", log->path);
    const int good = fprintf(log->file, "%s\n", text) > 0 && fflush(log->file) == 0;
    const int reason = errno;
    free(text);
    return good ? VC_OK : vc_fail(VC_EIO, "%s: cannot write: %s", log->path, strerror(reason));
}

vc_status vc_train_log_write(vc_train_log *log, const vc_train_line *line)
{
    json_t *value;
    if (!log->path)
        return VC_OK;
    VC_TRY(vc_record_json(&value, &vc_train_line_record, line));
    const vc_status status = write_json(log, value);
    json_decref(value);
    return status;
}

void vc_train_log_close(vc_train_log *log)
{
    if (log->file)
        fclose(log->file);
    log->file = NULL;
}
