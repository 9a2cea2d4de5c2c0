/* From one sample of a source to the model's input. */
#ifndef VC_PREPARE_H
#define VC_PREPARE_H

#include "vitcod/image.h"
#include "vitcod/source.h"

/* The same for all samples. */
typedef struct vc__recipe {
    size_t size, resize, channels;
    vc_normalizer normalizer;
} vc__recipe;

/* One worker's buffers, used again from sample to sample. Starts as {0}. */
typedef struct vc__workspace {
    vc_bytes encoded;
    vc_image image, cropped;
    vc_resize_scratch scratch;
} vc__workspace;

void vc__workspace_close(vc__workspace *work);

/* VC_EINVAL when the images cannot be made to have the recipe's channels. */
vc_status vc__recipe_check(const vc__recipe *recipe, const vc_source *source);

/* Fills out (channels, size, size) from sample `index`, whose encoded bytes lie in `work` unless the source
 * is one of images in memory. */
vc_status vc__prepare(float *out, vc__workspace *work, const vc__recipe *recipe,
                      const vc_source *source, size_t index);

#endif
