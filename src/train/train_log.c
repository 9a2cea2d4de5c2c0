#include "vitcod/train_log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void add_means(json_t *line, const vc_step_means *m, int distilled)
{
    json_object_update_new(line, json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "loss", m->loss,
                                           "reconstruction_loss", m->reconstruction, "train_top1",
                                           m->train_top1, "learning_rate", m->learning_rate,
                                           "gradient_norm", m->grad_norm, "images_per_s",
                                           m->images_per_second));
    if (distilled)
        json_object_set_new(line, "distillation_loss", json_real(m->distillation));
}

static double top1_of(const vc_evaluation *e)
{
    return 100.0 * (double)e->top1 / (double)e->images;
}

json_t *vc_epoch_report_json(const vc_epoch_report *r)
{
    json_t *line = json_pack("{s:I}", "epoch", (json_int_t)r->epoch);
    add_means(line, &r->mean, r->distilled);
    if (r->tested) {
        json_object_set_new(line, "test_top1", json_real(top1_of(&r->test)));
        json_object_set_new(line, "test_loss", json_real(r->test.loss));
        if (r->test.broken > 0)
            json_object_set_new(line, "test_broken", json_integer((json_int_t)r->test.broken));
        if (r->averaged.images > 0)
            json_object_set_new(line, "averaged_top1", json_real(top1_of(&r->averaged)));
    }
    return line;
}

json_t *vc_group_report_json(const vc_group_report *r, int distilled)
{
    json_t *line = json_pack("{s:I, s:I, s:I}", "epoch", (json_int_t)r->epoch, "step",
                             (json_int_t)r->step, "steps", (json_int_t)r->steps);
    add_means(line, &r->mean, distilled);
    return line;
}

vc_status vc_train_log_try(const char *path)
{
    int there = access(path, F_OK) == 0;
    FILE *log = fopen(path, "a");
    if (!log)
        return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
    fclose(log);
    if (!there)
        unlink(path);
    return VC_OK;
}

vc_status vc_train_log_write(vc_train_log *log, const json_t *line)
{
    const char *path = log->path;
    if (!path)
        return VC_OK;
    if (!log->file)
        log->file = fopen(path, log->append ? "a" : "w");
    if (!log->file || json_dumpf(line, log->file, JSON_COMPACT | JSON_REAL_PRECISION(10)) != 0 ||
        fputc('\n', log->file) == EOF || fflush(log->file) != 0)
        return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
    return VC_OK;
}

void vc_train_log_close(vc_train_log *log)
{
    if (log->file)
        fclose(log->file);
    log->file = NULL;
}
