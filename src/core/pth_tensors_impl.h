/* Makes tensors of the values of a state dict: the step of pth.c after the pickle has been read. */
#ifndef VC_PTH_TENSORS_IMPL_H
#define VC_PTH_TENSORS_IMPL_H

#include "pickle_impl.h"
#include "pth_stores_impl.h"
#include "tensor_file_impl.h"

/* The memory behind the tensors of an open checkpoint. */
typedef struct vc__pth_backing {
    vc__pool pool;        /* names */
    unsigned char **data; /* (count) storages and copies, each aligned to 64 bytes */
    size_t count;
} vc__pth_backing;

void vc__pth_backing_close(void *backing);

/* Fills `out` with the dict's tensors. All sizes are checked before the first storage is read. */
vc_status vc__pth_tensors(vc_tensor_file *out, vc__pth_backing *backing, const vc__stores *stores,
                          const vc__value *dict);

#endif
