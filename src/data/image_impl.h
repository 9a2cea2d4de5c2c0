/* What a decoder gets. There is one decoder per format; `count` is at least 1. */
#ifndef VC_IMAGE_IMPL_H
#define VC_IMAGE_IMPL_H

#include "vitcod/image.h"

typedef struct vc__encoded {
    const unsigned char *bytes;
    size_t count;
    size_t channels;  /* that are wanted: 1 or 3 */
    const char *name; /* for messages */
} vc__encoded;

vc_status vc__decode_jpeg(vc_image *out, const vc__encoded *in);
vc_status vc__decode_png(vc_image *out, const vc__encoded *in);

/* Converts RGB to grey, in place. */
void vc__image_make_grey(vc_image *image);

#endif
