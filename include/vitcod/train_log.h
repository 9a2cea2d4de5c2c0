/* The log of a training run: JSON lines, one for each epoch and for each group of steps. */
#ifndef VITCOD_TRAIN_LOG_H
#define VITCOD_TRAIN_LOG_H

#include <stdio.h>

#include "vitcod/record.h"
#include "vitcod/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a line says; what it does not say is VC_NO_COUNT or NAN. */
typedef struct vc_train_line {
    uint64_t epoch, step, steps; /* step, steps: of a group */
    double loss, reconstruction_loss, train_top1, learning_rate, gradient_norm, images_per_s;
    double distillation_loss;              /* with a teacher */
    const char *judged_by;                 /* an epoch; NULL for a group: see vc_train_judge */
    double test_top1, test_loss;           /* of an epoch with test images */
    uint64_t test_broken;                  /* if there are any */
    double held_back_top1, held_back_loss; /* the same of images held back from learning */
    uint64_t held_back_broken;
    double averaged_top1; /* of averaged parameters, on either of them */
    /* Of a model of poses in place of each top-1: mm; losses are in the truth's unit. */
    double test_mpjpe, held_back_mpjpe, averaged_mpjpe;
} vc_train_line;

extern const vc_record vc_train_line_record;

/* What epochs are judged by, in words: test, held-back or none. */
const char *vc_train_judge(int tested, int held_back);

vc_train_line vc_train_line_of_epoch(const vc_epoch_report *report);
vc_train_line vc_train_line_of_group(const vc_group_report *report, int distilled);

typedef struct vc_train_log {
    const char *path; /* NULL: lines go nowhere */
    /* To what is there, but for lines about the same steps or later ones, which are taken again;
     * else the first line replaces it. */
    int append;
    FILE *file; /* opened for the first line: a run that never starts leaves an old log alone */
} vc_train_log;

/* Whether a log can be written there; leaves what is there as it is. */
vc_status vc_train_log_try(const char *path);

vc_status vc_train_log_write(vc_train_log *log, const vc_train_line *line);
void vc_train_log_close(vc_train_log *log);

#ifdef __cplusplus
}
#endif

#endif
