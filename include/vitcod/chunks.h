/* Memory that grows by pieces and is freed as a whole, for what is read again and again: the packed
 * weights of a model. Large blocks lie in huge pages where the system gives them on request, which
 * spares a pass over all weights its page walks. */
#ifndef VITCOD_CHUNKS_H
#define VITCOD_CHUNKS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_chunks {
    unsigned char **chunks;       /* the last one is handed out */
    size_t count, used, capacity; /* bytes of the last */
} vc_chunks;

/* The next `bytes` bytes, aligned to VC_ARENA_ALIGN, of any content; NULL: out of memory. */
void *vc_chunks_take(vc_chunks *chunks, size_t bytes);
void vc_chunks_close(vc_chunks *chunks);

/* A block in huge pages, if it is large and the system has them; to be freed. NULL: out of
 * memory. */
void *vc_huge_alloc(size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
