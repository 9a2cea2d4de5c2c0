#include "vitcod/chunks.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vitcod/arena.h"

enum { HUGE_PAGE = 2 << 20, CHUNK = 2 * HUGE_PAGE };

void *vc_huge_alloc(size_t bytes)
{
    void *made = NULL;
    const size_t whole = bytes / HUGE_PAGE * HUGE_PAGE;
    if (posix_memalign(&made, whole > 0 ? (size_t)HUGE_PAGE : (size_t)VC_ARENA_ALIGN, bytes) != 0)
        return NULL;
    if (whole > 0)
        madvise(made, whole, MADV_HUGEPAGE); /* without them it is as good, only slower */
    return made;
}

void *vc_chunks_take(vc_chunks *c, size_t bytes)
{
    if (bytes > PTRDIFF_MAX - VC_ARENA_ALIGN)
        return NULL;
    bytes = (bytes + VC_ARENA_ALIGN - 1) / VC_ARENA_ALIGN * VC_ARENA_ALIGN;
    if (bytes > c->capacity - c->used) {
        unsigned char **grown = realloc(c->chunks, (c->count + 1) * sizeof *grown);
        if (!grown)
            return NULL;
        c->chunks = grown;
        const size_t capacity = bytes > CHUNK ? bytes : CHUNK;
        grown[c->count] = vc_huge_alloc(capacity);
        if (!grown[c->count])
            return NULL;
        c->count++;
        c->used = 0;
        c->capacity = capacity;
    }
    unsigned char *taken = c->chunks[c->count - 1] + c->used;
    c->used += bytes;
    return taken;
}

void vc_chunks_close(vc_chunks *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->chunks[i]);
    free(c->chunks);
    *c = (vc_chunks){0};
}
