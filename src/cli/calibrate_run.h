/* Between the files of `vitcod calibrate`. */
#ifndef VC_CLI_CALIBRATE_RUN_H
#define VC_CLI_CALIBRATE_RUN_H

#include "calibrate.h"

typedef struct calibrate_run {
    const calibrate_options *o;
    calibrate_result *result;
    vc_model *teacher, *student;
    vc_source *images, *learn, *held;
    vc_stage_plans plans;
    char *coder; /* the file of an auto-encoder made here; NULL: none */
    /* Of learning, and of measuring before it; empty where the output is a device. */
    char checkpoint[CLI_PATH], heads[CLI_PATH];
    int learns_on; /* from the checkpoint of a run that was stopped */
    int quiet;
    vc_progress progress;
    vc_file_lock model_lock, checkpoint_lock;
} calibrate_run;

/* Locks, models, images, and what a run that was stopped has left. */
vc_status calibrate_open(calibrate_run *run);
/* All of it, and the file of an auto-encoder. */
void calibrate_close(calibrate_run *run);

#endif
