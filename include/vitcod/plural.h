/* Words beside numbers. */
#ifndef VITCOD_PLURAL_H
#define VITCOD_PLURAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "%zu %s", n, vc_plural(n, "image", "images") */
static inline const char *vc_plural(uint64_t count, const char *one, const char *several)
{
    return count == 1 ? one : several;
}

#ifdef __cplusplus
}
#endif

#endif
