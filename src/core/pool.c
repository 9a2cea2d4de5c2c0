#include "pool_impl.h"

#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct vc__pool_block {
    struct vc__pool_block *before;
    size_t room;
    _Alignas(ALIGN) unsigned char bytes[];
};

static size_t next_room(const vc__pool *pool, size_t bytes)
{
    size_t room = pool->block ? 2 * pool->block->room : FIRST_BLOCK;
    if (room > LARGEST_BLOCK)
        room = LARGEST_BLOCK;
    return room < bytes ? bytes : room;
}

void *vc__pool_take(vc__pool *pool, size_t bytes)
{
    if (bytes > PTRDIFF_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (!pool->block || pool->block->room - pool->used < bytes) {
        size_t room = next_room(pool, bytes);
        struct vc__pool_block *block = malloc(sizeof *block + room);
        if (!block)
            return NULL;
        block->before = pool->block;
        block->room = room;
        pool->block = block;
        pool->used = 0;
    }
    void *taken = pool->block->bytes + pool->used;
    pool->used += bytes;
    return taken;
}

void vc__pool_close(vc__pool *pool)
{
    while (pool->block) {
        struct vc__pool_block *before = pool->block->before;
        free(pool->block);
        pool->block = before;
    }
    pool->used = 0;
}
