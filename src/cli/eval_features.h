/* What `eval` says of features, without a classifier of the model's. */
#ifndef VC_EVAL_FEATURES_H
#define VC_EVAL_FEATURES_H

#include "open_data.h"
#include "open_model.h"
#include "vitcod/features.h"

typedef struct eval_features_options {
    size_t neighbours; /* 0: no nearest neighbours */
    int probe;
    cli_texts train; /* images to learn from */
    const char *features;
} eval_features_options;

#define EVAL_FEATURES_OPTIONS(options)                                                             \
    {"knn", "K", "by the K nearest neighbours among --train-data, for models without classes too", \
     CLI_COUNT, &(options).neighbours},                                                            \
        {"probe", NULL, "by a linear classifier that learns from --train-data", CLI_FLAG,          \
         &(options).probe},                                                                        \
        {"train-data", "PATH", "with --knn and --probe: labelled images, as --data; may repeat",   \
         CLI_TEXTS, &(options).train},                                                             \
    {                                                                                              \
        "features", "cls|pool", "with --knn and --probe: which (default pool)", CLI_TEXT,          \
            &(options).features                                                                    \
    }

int eval_features_wanted(const eval_features_options *options);

/* CLI_CONTINUE for options that can be followed; the model is opened for its features then. */
int eval_features_check(const cli_command *command, const eval_features_options *options,
                        cli_model_options *model, const char *token_rule);

/* Runs over --train-data, which are of split train where there are several, and over `source`. */
vc_status eval_features_run(vc_feature_accuracy *out, cli_images *seen,
                            const eval_features_options *options, const cli_data_options *data,
                            const vc_model *model, vc_source *source, const vc_runner *runner);
void eval_features_print(const vc_feature_accuracy *result);

#endif
