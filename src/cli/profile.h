/* The ways of `profile`: attention on a plan, attention over lengths, and all of a model. */
#ifndef VC_CLI_PROFILE_H
#define VC_CLI_PROFILE_H

#include "cli.h"
#include "open_engine.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/profile_result.h"

typedef struct cli_profile_options {
    cli_model_options model;
    cli_engine_options engine;
    size_t head_dim, batch, runs; /* head_dim, runs: CLI_UNSET unless given */
    int attention, count, costs;
    const char *trace;   /* a file, or NULL */
    const char *lengths; /* tokens, with commas; NULL: no lengths */
    size_t linformer;    /* CLI_UNSET unless given */
    double sparsity;
} cli_profile_options;

/* One of the four. */
typedef struct cli_profile_result {
    bool of_model, of_attention, of_lengths, of_costs;
    const char *model; /* as it was called */
    const char *split; /* vc_pattern_split_name; NULL: nothing was run */
    char plan_hash[VC_PLAN_HASH_TEXT];
    vc_profile_result profile;
    vc_attention_result attention;
    vc_lengths_result lengths;
    vc_costs_result costs;
} cli_profile_result;

/* Attention on the plan at `path`. */
vc_status cli_profile_attention(cli_profile_result *result, const cli_profile_options *options,
                                const char *path, size_t seed);
void cli_print_profile_attention(const void *result);

/* What entries of attention cost here. */
vc_status cli_profile_costs(cli_profile_result *result);
void cli_print_profile_costs(const void *result);

/* Attention of the preset's heads over lengths: dense, Linformer's, sparse. */
vc_status cli_profile_lengths(cli_profile_result *result, const cli_profile_options *options);
void cli_print_profile_lengths(const void *result);

/* The operators of a model. */
vc_status cli_profile_model(cli_profile_result *result, const cli_profile_options *options);
void cli_print_profile_model(const void *result);

#endif
