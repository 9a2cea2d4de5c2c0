/* Shared by the files of the engine that do not depend on the backend. */
#ifndef VC_ENGINE_IMPL_H
#define VC_ENGINE_IMPL_H

#include "packed_cache.h"
#include "vitcod/backend.h"

struct vc_engine {
    const vc_model *model;
    vc_engine_options options; /* threads: the real number */
    const vc_backend *backend;
    void *device;
    vc_program program;
    vc_packed_attention *attention;   /* (layers) */
    vc__packed_cache *cache;          /* NULL: none */
    size_t *prepared, prepared_count; /* the numbers of images that are prepared */
};

/* ---- from a block list to a program */

/* Makes steps and operators, with a buffer for every value, and packs the weights. */
vc_status vc__program_build(vc_engine *e, const vc_block_list *list);
/* Decides which buffers are local and in which precision. Buffers that are never in use at the same
 * time become one. */
vc_status vc__program_share_buffers(vc_program *program, vc_precision precision);
void vc__program_close(vc_program *program);

/* ---- folding into weights */

/* Opens the panels and rows of all layers. */
vc_status vc__open_attention(vc_engine *e);
/* Allocates the bias of a layer in the form of the kernel; NULL if there is none. */
vc_status vc__fold_bias(float **out, const vc_model *model, size_t layer);
/* A product's weights, then its bias or zeros, with each output times its scale (NULL: 1), to be
 * freed; NULL: out of memory. */
float *vc__scaled_copy(const vc_linear *linear, const float *scale);
/* Folds into the weights (H * D rows each), in place: the scale of the scores into those of Q, and
 * the auto-encoder into both. A product that does not exist is NULL. */
vc_status vc__fold_scores(vc_linear *q, vc_linear *k, const vc_attention_layer *layer,
                          const vc_coder *coder);

#endif
