/* `vitcod calibrate` from options to files. */
#ifndef VC_CLI_CALIBRATE_H
#define VC_CLI_CALIBRATE_H

#include "coded.h"
#include "learning.h"
#include "open_data.h"
#include "open_model.h"
#include "vitcod/distill.h"

typedef struct calibrate_options {
    cli_model_options model;
    cli_data_options data;
    const char *output, *plan_output, *checkpoint, *residual, *gradual, *autoencoder, *teacher;
    double hold_back, minutes;
    double stages
        [VC_DISTILL_MOST_STAGES]; /* sparsities; the wanted one last, unless there is a plan for it */
    size_t stage_count, steps;
    int makes_coder;
    vc_coded coded;
    size_t compressed;
    vc_plan_recipe recipe;
    vc_distill_options how;
    json_t *settings; /* what the options were set to */
} calibrate_options;

/* From models and images to the files. */
vc_status calibrate_all(json_t *result, const calibrate_options *options, int json);

void calibrate_print(const json_t *result); /* as text */

#endif
