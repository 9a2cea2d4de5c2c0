/* The two ways of `profile`: attention on a plan against dense attention, and all of a model. */
#ifndef VC_CLI_PROFILE_H
#define VC_CLI_PROFILE_H

#include "cli.h"
#include "open_engine.h"
#include "open_model.h"
#include "vitcod/model_profile.h"

typedef struct cli_profile_options {
    cli_model_options model;
    cli_engine_options engine;
    size_t head_dim, batch, repeats; /* head_dim, repeats: CLI_UNSET unless given */
    int attention, count;
    const char *trace;   /* a file, or NULL */
    const char *lengths; /* tokens, with commas; NULL: no lengths */
    size_t linformer;    /* CLI_UNSET unless given */
    double sparsity;
} cli_profile_options;

/* Median and quartiles. */
json_t *cli_spread_json(vc_spread s, double factor);

/* Attention on the plan at `path`. */
vc_status cli_profile_attention(json_t *result, const cli_profile_options *options,
                                const char *path, size_t seed);
void cli_print_profile_attention(const json_t *result);

/* Attention of the preset's heads over lengths: dense, Linformer's, sparse. */
vc_status cli_profile_lengths(json_t *result, const cli_profile_options *options);
void cli_print_profile_lengths(const json_t *result);

/* Counters, medians and shares of the times, whose samples are sorted by it, beside what has been
 * counted; and the roofs of this machine. */
void cli_add_times(json_t *result, const vc_model_times *times, const vc_model_profile *profile,
                   const cli_profile_options *options);

/* The operators of a model. */
vc_status cli_profile_model(json_t *result, const cli_profile_options *options);
void cli_print_profile_model(const json_t *result);

#endif
