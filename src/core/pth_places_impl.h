/* Where in a checkpoint the weights are. */
#ifndef VC_PTH_PLACES_IMPL_H
#define VC_PTH_PLACES_IMPL_H

#include "pickle_impl.h"
#include "tensor_file_impl.h"
#include "vitcod/weights.h"

/* Finds the dict of tensors, of the wanted kind where there are several; what there was to choose
 * from becomes a note of `file`, what was taken its kind. VC_EFORMAT when there is none. */
vc_status vc__pth_place(const vc__value **out, vc_tensor_file *file, const vc__value *top,
                        vc_weights_kind kind);

#endif
