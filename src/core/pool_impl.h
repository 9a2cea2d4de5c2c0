/* Memory for many small things that end together; grows as it is asked, unlike an arena. */
#ifndef VC_POOL_IMPL_H
#define VC_POOL_IMPL_H

#include <stddef.h>

typedef struct vc__pool {
    struct vc__pool_block *block; /* the latest; each points to the one before */
    size_t used;                  /* of the latest */
} vc__pool;

/* Aligned for any type, not zeroed; NULL when out of memory. */
void *vc__pool_take(vc__pool *pool, size_t bytes);
void vc__pool_close(vc__pool *pool);

#endif
