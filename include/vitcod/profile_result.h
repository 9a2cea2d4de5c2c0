/* What `profile` says of a model: operations, bytes and time, by kind of work and by layer. */
#ifndef VITCOD_PROFILE_RESULT_H
#define VITCOD_PROFILE_RESULT_H

#include "vitcod/model_profile.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One kind of work, for one image but times, which are for a batch. What is not counted or not
 * timed is VC_NO_COUNT or NAN. */
typedef struct vc_profile_work {
    const char *work;
    uint64_t macs, flops;
    double bytes, intensity;
    uint64_t executed_macs;
    double ms, share, gflops, gbytes;
    double roof_share; /* of the higher of its two roofs */
} vc_profile_work;

typedef struct vc_profile_layer {
    uint64_t macs, flops;
    double bytes, intensity;
    int layer; /* -1: outside the layers */
    vc_profile_work *works;
    size_t work_count;
    double ms, share;
} vc_profile_layer;

typedef struct vc_profile_counters {
    double cycles, instructions, cache_references, cache_misses; /* of a run; NAN: not to be had */
} vc_profile_counters;

typedef struct vc_profile_roofs {
    /* NAN where they are not known; gflops also where the CPU lacks instructions for the
     * precision. */
    double gbytes, gflops;
} vc_profile_roofs;

typedef struct vc_profile_times {
    char no_counters[256]; /* why there are none */
    bool counted;
    vc_profile_counters counters;
    vc_spread whole_ms;
    double operators_ms, waiting_ms;
    vc_spread told_share, untimed_ms, timed_over_untimed;
    size_t repeats;
    uint64_t executed_macs;
    vc_profile_roofs roofs;
    /* Of a device whose attention is one kernel: its time, and that of the three kernels whose
     * shares are its parts. NAN: not so. */
    double fused_ms, apart_ms;
    double energy_mj, power_w; /* of an image, and while it runs; NAN: nothing counts it */
    char energy_source[VC_ENERGY_SOURCE]; /* empty: none */
} vc_profile_times;

typedef struct vc_profile_result {
    const char *architecture;
    size_t image_height, image_width, batch;
    const char *dtype;
    uint64_t macs, flops;
    double bytes, intensity;
    vc_profile_work *works;
    size_t work_count;
    vc_profile_layer *layers; /* first what is outside */
    size_t layer_count;
    bool timed;
    vc_profile_times times;
} vc_profile_result;

/* What stands in front of the plan's hash, and what stands behind it. */
extern const vc_record vc_profile_about_record, vc_profile_record;

/* From what has been counted. vc_record_free with vc_profile_record releases it. */
vc_status vc_profile_result_open(vc_profile_result *out, const vc_model_profile *profile,
                                 const vc_model_config *config, vc_precision precision,
                                 size_t batch);

/* Adds what has been measured, and measures what the CPU can do at best if it was the CPU that ran.
 * Sorts the samples. */
void vc_profile_result_add_times(vc_profile_result *result, const vc_model_profile *profile,
                                 vc_model_times *times, const vc_engine_options *engine);

#ifdef __cplusplus
}
#endif

#endif
