/* An engine as a runner over images, and two engines side by side. */
#ifndef VITCOD_ENGINE_PASS_H
#define VITCOD_ENGINE_PASS_H

#include "vitcod/engine.h"
#include "vitcod/evaluate.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_engine_pass {
    vc_engine *engine;
    float *logits; /* (batch, classes) of the last run */
    size_t batch;
} vc_engine_pass;

/* On failure *out is zeroed. */
vc_status vc_engine_pass_open(vc_engine_pass *out, const vc_model *model,
                              const vc_engine_options *options);
void vc_engine_pass_close(vc_engine_pass *pass);

vc_runner vc_engine_runner(vc_engine_pass *pass);

/* An engine that hands out the maps of every layer after each run (vc_engine_maps). */
typedef void vc_maps_sink(void *context, size_t layer, const float *maps, size_t images);
typedef struct vc_maps_pass {
    vc_engine_pass engine;
    const vc_model *model;
    float *maps; /* of the largest layer */
    vc_maps_sink *sink;
    void *context;
} vc_maps_pass;

/* As options say, but with VC_ATTENTION_MAPS. On failure *out is zeroed. */
vc_status vc_maps_pass_open(vc_maps_pass *out, const vc_model *model,
                            const vc_engine_options *options, vc_maps_sink *sink, void *context);
void vc_maps_pass_close(vc_maps_pass *pass);
vc_runner vc_maps_runner(vc_maps_pass *pass);

/* Compares the logits of two engines on the same images. */
typedef struct vc_engine_comparison {
    vc_engine_pass exact, other;
    size_t outputs; /* of an image */
    int classifies;
    size_t images, same;        /* seen; those of which both name the same class */
    double difference, largest; /* of two logits of one class; of the exact one's logits */
} vc_engine_comparison;

/* Opens both engines for the model, each with its own options, for batches of the same size. */
vc_status vc_engine_comparison_open(vc_engine_comparison *out, const vc_model *model,
                                    const vc_engine_options *exact, const vc_engine_options *other);
void vc_engine_comparison_close(vc_engine_comparison *comparison);

/* A runner that runs both and returns the logits of `other`. */
vc_runner vc_engine_comparison_runner(vc_engine_comparison *comparison);

/* How near they are, as results have it. */
typedef struct vc_engine_error {
    double same_class_percent, largest_logit_error;
} vc_engine_error;
extern const vc_record vc_engine_error_record;
vc_engine_error vc_engine_comparison_error(const vc_engine_comparison *comparison);

#ifdef __cplusplus
}
#endif

#endif
