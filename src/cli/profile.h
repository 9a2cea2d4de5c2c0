/* The two ways of `profile`: attention on a plan against dense attention, and all of a model. */
#ifndef VC_CLI_PROFILE_H
#define VC_CLI_PROFILE_H

#include "cli.h"
#include "open_engine.h"
#include "open_model.h"
#include "vitcod/profile.h"

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

/* What a model comes to. */
typedef struct cli_profile {
    vc_model_config config;
    size_t layers;
    vc_cost *costs; /* (layers + 1, VC_WORK_COUNT), see vc_profile_count */
} cli_profile;

/* Bytes that an image moves: parameters are shared by the batch. */
double cli_profile_bytes(const vc_cost *cost, size_t batch);

/* A column per kind of work and layer, and one for waiting; a row per run. */
typedef struct cli_samples {
    size_t repeats, columns;
    double *seconds; /* (columns, repeats) */
    /* (repeats) the whole, with and without taking times, their ratio; what times add up to, of the whole */
    double *on, *off, *ratio, *told;
    uint64_t *macs; /* (columns) done for one image */
} cli_samples;

static inline size_t cli_column_of(int layer, int work)
{
    return (size_t)(layer + 1) * VC_WORK_COUNT + (size_t)work;
}

/* Medians and shares of the samples, which are sorted, beside what has been counted. */
void cli_add_times(json_t *result, cli_samples *samples, const cli_profile *profile, size_t batch);

/* Adds the times to what has been counted, and the trace's file. */
vc_status cli_profile_time(json_t *result, const cli_profile *profile, const vc_model *model,
                           const cli_profile_options *options);

/* Events of an engine's last run, as Chrome and Perfetto read them. */
vc_status cli_write_trace(const char *path, const vc_engine *engine);

/* The operators of a model. */
vc_status cli_profile_model(json_t *result, const cli_profile_options *options);
void cli_print_profile_model(const json_t *result);

#endif
