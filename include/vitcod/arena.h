/* Arenas: one block of memory per lifetime. An arena without a base only counts, so the same code
 * measures first and places afterwards, and size and layout cannot drift apart:
 *
 *     vc_arena arena = {0};
 *     lay_out(&arena, acts);            only counts bytes
 *     VC_TRY(vc_arena_reserve(&arena)); allocates what was counted
 *     lay_out(&arena, acts);            hands out addresses
 *     vc_arena_close(&arena); */
#ifndef VITCOD_ARENA_H
#define VITCOD_ARENA_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_ARENA_ALIGN = 64 };

typedef struct vc_arena {
    unsigned char *base; /* NULL while measuring */
    size_t used;         /* bytes handed out, each piece rounded up to VC_ARENA_ALIGN */
    size_t capacity;     /* bytes allocated */
} vc_arena;

/* The next `bytes` bytes, aligned to VC_ARENA_ALIGN; NULL while measuring. */
void *vc_arena_take(vc_arena *arena, size_t bytes);

/* Room for `count` floats. */
float *vc_arena_floats(vc_arena *arena, size_t count);

/* Allocates the bytes counted so far, zeroed, and goes back to the beginning. */
vc_status vc_arena_reserve(vc_arena *arena);

void vc_arena_close(vc_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
