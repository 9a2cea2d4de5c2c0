/* Shared inside the engine room: what is the same on every backend. */
#ifndef VC_ENGINE_IMPL_H
#define VC_ENGINE_IMPL_H

#include "vitcod/backend.h"

struct vc_engine {
    const vc_model *model;
    vc_engine_options options; /* threads: how many */
    const vc_backend *backend;
    void *device;
    vc_program program;
    vc_packed_attention *attention;   /* (layers) */
    size_t *prepared, prepared_count; /* numbers of images */
};

/* ---- from a block list to a program */

/* Steps and operators, each with a buffer of its own for every value; weights are packed. */
vc_status vc__program_build(vc_engine *e, const vc_block_list *list);
/* Which buffers are local and in which precision; those that never live at once become one. */
vc_status vc__program_share_buffers(vc_program *program, vc_precision precision);
void vc__program_close(vc_program *program);

/* ---- what is multiplied into weights ahead of time */

/* Panels and rows of all layers. */
vc_status vc__open_attention(vc_engine *e);
/* A layer's bias as the kernel wants it, allocated; NULL where there is none. */
vc_status vc__fold_bias(float **out, const vc_model *model, size_t layer);
/* In place, into the weights (H * D rows each): of Q the scale of the scores, of both the
 * auto-encoder. What is not there is NULL. */
vc_status vc__fold_scores(vc_linear *q, vc_linear *k, const vc_attention_layer *layer,
                          const vc_coder *coder);

#endif
