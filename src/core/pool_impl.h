/* Memory for many small objects that are all freed together. Unlike an arena it grows on demand. */
#ifndef VC_POOL_IMPL_H
#define VC_POOL_IMPL_H

#include <stddef.h>

typedef struct vc__pool {
    struct vc__pool_block *block; /* the newest; each block points to the one before */
    size_t used;                  /* bytes of the newest block */
} vc__pool;

/* Aligned for any type, not zeroed; NULL when out of memory. */
void *vc__pool_take(vc__pool *pool, size_t bytes);
void vc__pool_close(vc__pool *pool);

#endif
