/* Shared inside the models room. */
#ifndef VC_MODEL_IMPL_H
#define VC_MODEL_IMPL_H

#include "vitcod/model.h"

/* Fills params (NULL: counts only), binds the weight pointers of `out` to `values` where both are
 * given (out->blocks must hold the layers), and returns the number of parameters. */
size_t vc__deit_walk(const vc_deit_config *config, vc_param *params, vc_deit_weights *out,
                     float *values, size_t *value_count);

/* A model of this shape with parameters zero. */
vc_status vc__model_allocate(vc_model **out, const vc_deit_config *config);

#endif
