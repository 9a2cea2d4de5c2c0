/* The log of a training run: JSON lines, one for each epoch and for each group of steps. */
#ifndef VITCOD_TRAIN_LOG_H
#define VITCOD_TRAIN_LOG_H

#include <stdio.h>

#include "vitcod/train.h"

/* What a line says. */
json_t *vc_epoch_report_json(const vc_epoch_report *report);
json_t *vc_group_report_json(const vc_group_report *report, int distilled);

typedef struct vc_train_log {
    const char *path; /* NULL: lines go nowhere */
    int append;       /* to what is there; else the first line replaces it */
    FILE *file; /* opened for the first line: a run that never starts leaves an old log alone */
} vc_train_log;

/* Whether a log can be written there; leaves what is there as it is. */
vc_status vc_train_log_try(const char *path);

vc_status vc_train_log_write(vc_train_log *log, const json_t *line);
void vc_train_log_close(vc_train_log *log);

#endif
