/* `vitcod calibrate` from options to files. */
#ifndef VC_CLI_CALIBRATE_H
#define VC_CLI_CALIBRATE_H

#include "coded.h"
#include "learning.h"
#include "open_data.h"
#include "open_model.h"
#include "vitcod/distill.h"

enum { CALIBRATE_MOST_STAGES = CLI_MOST_STAGES + 1 };

typedef struct calibrate_options {
    cli_model_options model;
    cli_data_options data;
    const char *output, *plan_output, *checkpoint, *residual, *gradual, *autoencoder, *teacher;
    double hold_back, minutes;
    double stages
        [CALIBRATE_MOST_STAGES]; /* sparsities; the wanted one last, unless there is a plan for it */
    size_t stage_count, steps;
    int makes_coder;
    vc_coded coded;
    size_t compressed;
    vc_plan_recipe recipe;
    vc_distill_options how;
    json_t *settings; /* what the options were set to */
} calibrate_options;

typedef struct calibrate_run {
    const calibrate_options *o;
    vc_model *teacher, *student;
    vc_source *images, *learn, *held;
    json_t *broken; /* names of images that cannot be read */
    vc_plan plans[CALIBRATE_MOST_STAGES];
    size_t plan_count;
    char coder[4096]; /* the file of an auto-encoder made here; empty: none */
    int json;
    vc_progress progress;
} calibrate_run;

/* ---- steps of a run, each after the one before */

vc_status calibrate_open_images(calibrate_run *run);

/* How images are looked at as they are; broken ones go on the run's list. */
vc_look calibrate_look(const calibrate_run *run, cli_broken_images *broken, vc_progress *progress);

/* Averages the teacher's attention and makes the plans. */
vc_status calibrate_prune(calibrate_run *run, json_t *result);

/* ---- the whole */

vc_status calibrate_all(json_t *result, const calibrate_options *options, int json);

void calibrate_print(const json_t *result); /* as text */

#endif
