/* Makes the model's input of one sample of a source. */
#ifndef VC_PREPARE_H
#define VC_PREPARE_H

#include "vitcod/augment.h"
#include "vitcod/image.h"
#include "vitcod/source.h"

/* What is the same for all samples. */
typedef struct vc__recipe {
    vc_extent size, resize;
    size_t channels;
    size_t frames, joints; /* of windows of poses; 0: images */
    vc_interpolation interpolation;
    vc_normalizer normalizer;
    vc_augment_options augment;    /* for training */
    uint8_t fill[VC_MAX_CHANNELS]; /* the mean colour, for uncovered areas */
} vc__recipe;

/* One worker's buffers, reused from sample to sample. Starts as {0}. */
typedef struct vc__workspace {
    vc_bytes encoded;
    vc_image image, cropped, spare;
    vc_resize_scratch scratch;
} vc__workspace;

void vc__workspace_close(vc__workspace *work);

/* Sets how images are changed for training. VC_EINVAL for options that are out of range or that
 * these channels cannot have. */
vc_status vc__recipe_augment(vc__recipe *recipe, const vc_augment_options *options,
                             const float *mean);

/* Fills out (channels, height, width) from sample `index`. Unless it is an image in memory, its
 * encoded bytes are in `work`. */
vc_status vc__prepare(float *out, vc__workspace *work, const vc__recipe *recipe,
                      const vc_source *source, size_t index);

/* The same, changed for training with the random stream: cropped or shifted, mirrored, coloured,
 * erased. */
vc_status vc__prepare_changed(float *out, vc__workspace *work, const vc__recipe *recipe,
                              const vc_source *source, size_t index, vc_rng *rng);

/* Fills out (frames, joints, 2) with a window of poses and, unless NULL, truth (frames, joints, 3);
 * with a random stream, some are mirrored. */
void vc__prepare_window(float *out, float *truth, const vc__recipe *recipe, const vc_source *source,
                        size_t index, vc_rng *rng);

/* Puts the sample's pixels into work->image, with the recipe's channels. */
vc_status vc__fetch_pixels(vc__workspace *work, const vc__recipe *recipe, const vc_source *source,
                           size_t index);

/* Makes work->cropped from work->image as for evaluation. Images in memory that have the right size
 * are not changed. */
vc_status vc__crop_centre(vc__workspace *work, const vc__recipe *recipe, const vc_source *source,
                          size_t index);

#endif
