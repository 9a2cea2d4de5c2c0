#include "vitcod/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/chunks.h"
#include "vitcod/memory_limit.h"

void *vc_arena_take(vc_arena *arena, size_t bytes)
{
    size_t start = arena->used;
    if (bytes > PTRDIFF_MAX - VC_ARENA_ALIGN || start > PTRDIFF_MAX) {
        arena->used = SIZE_MAX; /* and remains so, which makes the reservation fail */
        return NULL;
    }
    arena->used += (bytes + VC_ARENA_ALIGN - 1) / VC_ARENA_ALIGN * VC_ARENA_ALIGN;
    if (!arena->base)
        return NULL;
    assert(arena->used <= arena->capacity);
    return arena->base + start;
}

float *vc_arena_floats(vc_arena *arena, size_t count)
{
    return vc_arena_take(arena,
                         count < SIZE_MAX / sizeof(float) ? count * sizeof(float) : SIZE_MAX);
}

vc_status vc_arena_reserve(vc_arena *arena)
{
    assert(!arena->base);
    if (arena->used > PTRDIFF_MAX)
        return vc_fail(VC_ENOMEM, "out of memory: wanted more than the address space holds");
    size_t bytes = arena->used > 0 ? arena->used : VC_ARENA_ALIGN;
    VC_TRY(vc_memory_allow(bytes));
    arena->base = vc_huge_alloc(bytes);
    if (!arena->base)
        return vc_fail(VC_ENOMEM, "out of memory: wanted %zu bytes in one block", bytes);
    memset(arena->base, 0, bytes);
    arena->capacity = bytes;
    arena->used = 0;
    return VC_OK;
}

void vc_arena_close(vc_arena *arena)
{
    free(arena->base);
    *arena = (vc_arena){0};
}
