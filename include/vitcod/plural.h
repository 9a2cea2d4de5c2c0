/* Words beside numbers. */
#ifndef VITCOD_PLURAL_H
#define VITCOD_PLURAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "%zu %s", n, vc_plural(n, "image", "images") */
static inline const char *vc_plural(uint64_t count, const char *one, const char *several)
{
    return count == 1 ? one : several;
}

/* What is looked at: images or, with joints, frames of poses. */
static inline const char *vc_samples(size_t joints, uint64_t count)
{
    return joints > 0 ? vc_plural(count, "frame", "frames") : vc_plural(count, "image", "images");
}

#ifdef __cplusplus
}
#endif

#endif
