/* How large an image, a patch or a grid of tokens is. */
#ifndef VITCOD_EXTENT_H
#define VITCOD_EXTENT_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_extent {
    size_t height, width; /* in pixels, or rows and columns */
} vc_extent;

static inline vc_extent vc_square(size_t side)
{
    const vc_extent out = {side, side};
    return out;
}

static inline int vc_extent_equal(vc_extent a, vc_extent b)
{
    return a.height == b.height && a.width == b.width;
}

static inline int vc_extent_is_square(vc_extent e)
{
    return e.height == e.width;
}

static inline size_t vc_extent_area(vc_extent e)
{
    return e.height * e.width;
}

/* Reads "224" for a square or "224x384", height first; sides of 1 to VC_EXTENT_MOST, and "0", which
 * is {0, 0}. VC_EINVAL for anything else. */
enum { VC_EXTENT_MOST = 1 << 20 };
vc_status vc_extent_parse(vc_extent *out, const char *text);

/* "224" or "224x384", as above. Returns `text`. */
enum { VC_EXTENT_TEXT = 48 };
const char *vc_extent_text(char text[VC_EXTENT_TEXT], vc_extent extent);
/* The same for people: "224" or "224 x 384". */
const char *vc_extent_words(char text[VC_EXTENT_TEXT], vc_extent extent);

#ifdef __cplusplus
}
#endif

#endif
