/* The costs of a model, and where the time of an engine goes, by layer and kind of work. */
#ifndef VITCOD_MODEL_PROFILE_H
#define VITCOD_MODEL_PROFILE_H

#include "vitcod/engine.h"
#include "vitcod/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- counted */

typedef struct vc_model_profile {
    size_t layers;
    vc_cost *costs; /* (layers + 1, VC_WORK_COUNT), see vc_profile_count */
} vc_model_profile;

/* The costs of a model with its mask or plan. `precision` is that of the parameters. */
vc_status vc_model_profile_open(vc_model_profile *out, const vc_model *model,
                                vc_precision precision);
/* The costs of sizes without a model, dense or on a plan (NULL: none). */
vc_status vc_config_profile_open(vc_model_profile *out, const vc_model_config *config,
                                 const vc_plan *plan, vc_precision precision);
void vc_model_profile_close(vc_model_profile *profile);

/* The column of a layer (-1: outside the layers) and a kind of work in a row of costs or times. */
size_t vc_profile_column(int layer, int work);

/* The sum over layers first to last (-1: outside) of one kind of work, or of all
 * (VC_WORK_COUNT). */
vc_cost vc_model_profile_sum(const vc_model_profile *profile, int first, int last, int work);

/* Bytes moved per image. Parameters are shared by the batch. */
double vc_cost_bytes(const vc_cost *cost, size_t batch);

/* ---- measured */

/* Times of an engine: a column per kind of work and layer, and a last one for waiting. */
typedef struct vc_model_times {
    size_t layers, repeats, columns;
    double *seconds;                   /* (columns, repeats) */
    double *on, *off;                  /* (repeats) the whole run, with and without taking times */
    double *ratio;                     /* (repeats) on / off */
    double *told;                      /* (repeats) what the times add up to, as a share of `on` */
    uint64_t *macs;                    /* (columns) done for one image */
    double counters[VC_COUNTER_COUNT]; /* per run without taking times; -1: not to be had */
    char no_counters[256];             /* why there are none at all; empty: there are */
    /* Of a device whose attention is one kernel: the shares of its parts, (ops,
     * VC_ATTENTION_PHASES), and the median seconds of all attention, by kernels that do them
     * apart. NULL and 0: attention tells its parts itself. */
    double *shares, apart_seconds;
    /* Of a device: joules of a batch, and of a second, by `energy_source`; empty: not to be had. */
    double joules, watts;
    char energy_source[VC_ENERGY_SOURCE];
    vc_roofs roofs; /* of a device; 0: not known, or the CPU */
} vc_model_times;

typedef struct vc_model_times_options {
    vc_engine_options engine;
    size_t repeats;
    uint64_t seed;         /* of the images */
    const char *trace;     /* a file for the last run's events, or NULL */
    vc_progress *progress; /* of the repeats, or NULL */
} vc_model_times_options;

/* Runs the model on random images, alternately with and without timing. */
vc_status vc_model_times_open(vc_model_times *out, const vc_model *model,
                              const vc_model_times_options *options);
void vc_model_times_close(vc_model_times *times);

/* The seconds of one kind of work in layers first to last (the median over the repeats of their
 * sums; 0 also if memory runs out), and the MACs done. */
double vc_model_times_seconds(const vc_model_times *times, int first, int last, int work);
uint64_t vc_model_times_macs(const vc_model_times *times, int first, int last, int work);

/* Writes the events of an engine's last run (vc_engine_trace) for Chrome and Perfetto. */
vc_status vc_engine_trace_write(const char *path, const vc_engine *engine);

#ifdef __cplusplus
}
#endif

#endif
