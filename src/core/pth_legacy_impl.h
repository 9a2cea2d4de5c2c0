/* Checkpoints of PyTorch 0.1.10 to 1.5, and of later ones on demand: pickles of a number, a
 * version, a description of the machine, the checkpoint and the keys of its storages, and then the
 * storages, each behind its count of values. */
#ifndef VC_PTH_LEGACY_IMPL_H
#define VC_PTH_LEGACY_IMPL_H

#include "pickle_impl.h"
#include "pth_stores_impl.h"

typedef struct vc__legacy {
    const vc_mapped_file *file;
    struct vc__legacy_storage *storages; /* (count) sorted by key, in the pool */
    size_t count;
} vc__legacy;

/* 1 if the file begins as one of these. */
int vc__legacy_begins(const vc_mapped_file *file);

/* Reads all but the storages. The file and the pool must outlive `out`. */
vc_status vc__legacy_open(vc__legacy *out, vc__pickle *checkpoint, vc__pool *pool, const char *path,
                          const vc_mapped_file *file);

vc__stores vc__legacy_stores(const vc__legacy *legacy, const char *path);

#endif
