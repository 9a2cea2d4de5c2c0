/* `vitcod attention` from options to files. */
#ifndef VC_CLI_ATTENTION_H
#define VC_CLI_ATTENTION_H

#include "learning.h"
#include "open_data.h"
#include "open_model.h"
#include "vitcod/distill.h"

typedef struct attention_options {
    cli_model_options model;
    cli_data_options data;
    const char *input, *output, *scores, *hold_back, *device;
    double held[VC_SOURCE_MOST_PARTS];
    int beyond_mean, resume;
    /* With a rule or summaries: all that such a plan is made from. */
    int gathers;
    vc_plan_recipe recipe;
    json_t *settings; /* what the options were set to; NULL where nothing is gathered */
} attention_options;

typedef struct attention_result {
    const char *plan_left_out;
    cli_images seen;
    bool of_data, poses, changed; /* as in training */
    const char *maps, *scores, *transforms;
    bool gathered;
    char summaries[VC_SUMMARY_TEXT]; /* the kinds that were averaged */
    size_t heads_images;             /* that heads were measured on */
} attention_result;

/* 1: another device than the CPU is asked for. */
int attention_has_device(const attention_options *options);
/* Adds the maps of all images, which a device makes, to stats->attention; `input`: the images, or
 * NULL: those of --data. */
vc_status attention_on_device(cli_images *seen, const attention_options *options,
                              const vc_model *model, vc_dense_stats *stats, const float *input,
                              size_t images);

/* Averages and measures what the recipe wants, into one file. */
vc_status attention_gather(attention_result *result, const attention_options *options,
                           const vc_model *model);

#endif
