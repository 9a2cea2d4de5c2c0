/* `vitcod calibrate` from options to files. */
#ifndef VC_CLI_CALIBRATE_H
#define VC_CLI_CALIBRATE_H

#include "coded.h"
#include "learning.h"
#include "make_autoencoder.h"
#include "open_data.h"
#include "open_model.h"
#include "vitcod/distill.h"

typedef struct calibrate_options {
    cli_model_options model;
    cli_data_options data;
    const char *output, *plan_output, *checkpoint, *residual, *gradual, *autoencoder, *teacher,
        *dtype, *memory;
    const char *hold_back;
    double minutes;
    /* By source: shares of its images, or numbers of them. */
    double held[VC_SOURCE_MOST_PARTS];
    /* Sparsities; the wanted one is the last, unless there is a plan for it. */
    double stages[VC_DISTILL_MOST_STAGES];
    size_t stage_count, steps;
    int makes_coder;
    int usual_crop; /* nobody asked for another */
    vc_coded coded;
    size_t compressed;
    vc_plan_recipe recipe;
    vc_distill_options how;
    json_t *settings; /* what the options were set to */
} calibrate_options;

typedef struct calibrate_result {
    cli_images seen;         /* of which only the broken ones are told */
    bool makes_coder, poses; /* poses: what was learnt from */
    cli_autoencoder coder;
    const char *plan_left_out;
    double sparsity; /* NAN: not pruned */
    size_t classes_seen, images, held_back;
    vc_distilled learnt;
    double seconds, peak_mib;
    const char *model, *plan;
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *residual, *rule;
    char summaries[VC_SUMMARY_TEXT];
} calibrate_result;

extern const vc_record calibrate_record;
void calibrate_free(calibrate_result *result);

/* Learning rates that can't be, or are of what the options exclude: a usage error. */
int calibrate_check_rates(const cli_command *command, const calibrate_options *o);
/* --autoencoder: a word, or a file. */
int calibrate_take_autoencoder(const cli_command *command, calibrate_options *o);

/* From models and images to the files. */
vc_status calibrate_all(calibrate_result *result, const calibrate_options *options, int quiet);

void calibrate_print(const void *result); /* as text */

#endif
