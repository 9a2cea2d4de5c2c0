/* Where the storages of a PyTorch checkpoint lie, whatever its format. */
#ifndef VC_PTH_STORES_IMPL_H
#define VC_PTH_STORES_IMPL_H

#include "vitcod/file.h"

typedef struct vc__stores vc__stores;

struct vc__stores {
    const char *path;
    size_t file_bytes;
    size_t count; /* indices are below it */
    const void *context;
    /* Finds a storage by its key; `found` is 0 if there is none. */
    vc_status (*find)(int *found, size_t *index, size_t *bytes, const vc__stores *stores,
                      const char *key);
    vc_status (*read)(void *out, size_t bytes, const vc__stores *stores, size_t index);
};

#endif
