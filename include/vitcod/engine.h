/* Inference: a model that is made ready to run once.
 *
 * Weights are packed in the precision asked for. BatchNorm, the auto-encoder (decoder times
 * encoder, with biases) and the scale of the scores are folded into them. All buffers are in one
 * arena. Work is a short list of steps: threads take tiles of tokens through all operators of a
 * step and meet only between steps, one for each attention and two where it has summaries. Tokens
 * that nothing reads are not computed: after the last attention of a DeiT only class tokens are.
 *
 * The result does not depend on the number of threads. How heads are split changes it by rounding,
 * so a split by the costs of this machine may give different last digits than on another one; a
 * split by the plan does not. */
#ifndef VITCOD_ENGINE_H
#define VITCOD_ENGINE_H

#include <stddef.h>

#include "vitcod/model.h"
#include "vitcod/packed_attention.h"
#include "vitcod/product.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VC_ENGINE_USUAL_SPLIT VC_PATTERN_SPLIT_COUNT

/* Where an engine runs (backend.h). */
typedef struct vc_backend vc_backend;

/* What is asked of attention beyond its result. */
typedef enum vc_attention_mode {
    VC_ATTENTION_FAST,
    /* On a device scores, softmax and output are kernels of their own, so that their times can be
     * told; slower than the one that does all. The CPU tells them always. */
    VC_ATTENTION_APART,
    /* The same for every query, also those that no logit needs, and what vc_engine_maps tells. Of
     * devices alone. */
    VC_ATTENTION_MAPS
} vc_attention_mode;

typedef struct vc_engine_options {
    vc_precision precision;
    size_t batch;   /* the largest number of images at once */
    size_t threads; /* 0: vc_threads_count() */
    /* VC_PATTERN_WHOLE: pruned scores are computed and dropped. Masks have no split of their own:
     * with VC_PATTERN_BY_PLAN they are VC_EINVAL. VC_ENGINE_USUAL_SPLIT: by the plan, where
     * there is one, else by cost. */
    vc_pattern_split split;
    vc_split_costs costs;      /* by cost; all 0: those of the backend's device */
    const vc_backend *backend; /* NULL: the CPU */
    size_t device;             /* of the backend's devices (device.h) */
    int unrestricted;          /* 1: ignores the mask or plan of the model */
    vc_attention_mode attention;
    /* 1: on the CPU, packed weights of a model whose file is mapped (vc_model.origin) are kept in
     * the user's cache and mapped from there, so that processes share them. What cannot be kept, or
     * was kept and cannot be used, is told and no failure. */
    int cache;
    void (*on_note)(const char *sentence); /* NULL: nobody is told */
} vc_engine_options;

vc_engine_options
vc_engine_options_default(void); /* fp32, one image, all threads, the usual split */

typedef struct vc_engine vc_engine;

/* The model, with its mask or plan, must outlive the engine. */
vc_status vc_engine_open(vc_engine **out, const vc_model *model, const vc_engine_options *options);
void vc_engine_close(vc_engine *engine);

/* Bytes of the buffers; on a device of weights and patterns, too. The CPU's packed weights are not
 * counted. */
size_t vc_engine_bytes(const vc_engine *engine);

/* Runs images (count, channels, image, image), normalised; logits (count, classes). Fails when
 * a number of images comes for the first time and something cannot be prepared for it, or when a
 * device does. */
vc_status vc_engine_run(vc_engine *engine, float *logits, const float *images, size_t count);

/* maps (H, Tq, Tk) of a layer: the softmax of all images of the last run, added up; what is pruned
 * is 0. For VC_ATTENTION_MAPS. */
vc_status vc_engine_maps(float *maps, vc_engine *engine, size_t layer);

/* What a device can do at best, measured by a copy and by a product of the engine's precision or
 * multiply-adds on registers, which is faster; 0: its clock tells nothing. VC_EUNSUPPORTED for the
 * CPU (profile.h). */
typedef struct vc_roofs {
    double bytes_per_second, flops_per_second;
} vc_roofs;
vc_status vc_engine_roofs(vc_roofs *out, vc_engine *engine);

/* ---- operators and their times */

typedef struct vc_engine_op {
    vc_op_kind kind;
    const char *name;    /* of its kind: "qkv", "attention", .. */
    int layer;           /* -1: outside the layers */
    double seconds;      /* since timing began, mean over the threads */
    uint64_t macs;       /* of an image, with what is pruned and computed: of a panel, or a tile */
    uint64_t score_macs; /* of the scores of an attention */
    /* The shares of scores, softmax and output in the seconds of an attention; all 0 if the kernel
     * does not tell. */
    double phases[VC_ATTENTION_PHASES];
} vc_engine_op;

/* The time of a tile in an operator, or a wait for the other threads. */
typedef struct vc_engine_event {
    size_t op;             /* vc_engine_op_count(): waiting */
    double start, seconds; /* start: as vc_clock_seconds() */
} vc_engine_event;

size_t vc_engine_op_count(const vc_engine *engine);
vc_engine_op vc_engine_op_at(const vc_engine *engine, size_t index);
uint64_t vc_engine_macs(const vc_engine *engine);  /* the sum over all operators */
double vc_engine_waiting(const vc_engine *engine); /* for each other, mean over the threads */
/* Starts or stops timing. Starting sets all times to 0; without timing no clock is read. */
void vc_engine_time(vc_engine *engine, int on);

/* Keeps every event of the last run while timing is on. `on` 0 releases them. */
vc_status vc_engine_trace(vc_engine *engine, int on);
size_t vc_engine_threads(const vc_engine *engine);
size_t vc_engine_event_count(const vc_engine *engine, size_t thread);
vc_engine_event vc_engine_event_at(const vc_engine *engine, size_t thread, size_t index);

/* How the heads of this model would be split; VC_PATTERN_WHOLE if nothing is restricted. */
vc_pattern_split vc_engine_split(const vc_model *model, const vc_engine_options *options);
/* A layer's heads as they are split. */
const vc_packed_attention *vc_engine_attention(const vc_engine *engine, size_t layer);

#ifdef __cplusplus
}
#endif

#endif
