/* How fast a model runs on a backend: as a whole, each operator, and against the same model without
 * its mask or plan, in turns. */
#ifndef VITCOD_BENCH_H
#define VITCOD_BENCH_H

#include "vitcod/engine.h"
#include "vitcod/model.h"
#include "vitcod/product.h"
#include "vitcod/profile.h"
#include "vitcod/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_bench_options {
    vc_precision precision;
    const vc_backend *backend; /* as an engine's */
    size_t device;             /* as an engine's */
    vc_pattern_split split;    /* as an engine's */
    size_t batch, runs;        /* images at once; how often it is measured */
    size_t warm_up;            /* runs before these; 0: the usual two */
    uint64_t seed;             /* of the images */
    int alone;                 /* not the model without its mask in between */
    vc_progress *progress;     /* of the rounds, whose number it gets; NULL: none */
} vc_bench_options;

typedef struct vc_bench_operator {
    const char *name;
    int layer;
    double ms; /* mean of the runs */
} vc_bench_operator;

typedef struct vc_bench_layer {
    size_t layer;
    double kept_share;
    size_t *panel_keys; /* (heads) keys that every query of a head looks at */
    size_t heads;
    size_t panel_entries, row_entries; /* that are kept in panels and in rows */
    bool compared;
    double attention_ms, dense_ms;
} vc_bench_layer;

typedef struct vc_bench_result {
    const char *split; /* vc_pattern_split_name */
    vc_bench_operator *operators;
    size_t operator_count;
    double attention_ms, waiting_ms;
    bool compared;               /* with the model without its mask: */
    vc_spread dense_over_sparse; /* of the runs, pair by pair */
    vc_spread dense_ms;
    double dense_attention_ms;
    vc_spread ms;
    double p90_ms, p99_ms;    /* so many percent of the runs took no longer */
    double *runs_ms;          /* (runs) ascending */
    double seconds, peak_mib; /* of all runs; of the process */
    double images_per_second;
    /* Multiply-adds that are done for an image: without rows that nothing reads, with pruned ones
     * that a panel or a device's tile computes. */
    uint64_t executed_macs;
    /* The peak is that of the precision, also for attention, which int8 models do in bf16. NAN
     * where the CPU lacks instructions for the precision, or another backend ran. */
    double peak_gops, share_of_peak;
    vc_bench_layer *layers;
    size_t layer_count;
    const char *dtype;
    size_t batch, runs, warm_up, image_height, image_width;
} vc_bench_result;

extern const vc_record vc_bench_record;

/* Measures on random images, after runs to warm up. Operators are timed in separate runs.
 * Release the result by vc_record_free. */
vc_status vc_bench(vc_bench_result *out, const vc_model *model, const vc_bench_options *options);

#ifdef __cplusplus
}
#endif

#endif
