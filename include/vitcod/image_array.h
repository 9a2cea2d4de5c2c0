/* Images in memory, already normalised: an npy file of them, and a model over them. */
#ifndef VITCOD_IMAGE_ARRAY_H
#define VITCOD_IMAGE_ARRAY_H

#include "vitcod/evaluate.h"
#include "vitcod/npy.h"

/* float32 (N, channels, height, width) of the model's size. VC_EINVAL for another shape, for
 * none, and where one value is not finite. */
vc_status vc_image_array_open(vc_npy *out, const char *path, const vc_model *model);

/* Runs images (count, channels, height, width) batch by batch; logits (count, outputs), or NULL:
 * not wanted. */
vc_status vc_run_images(float *logits, const vc_runner *runner, const vc_model *model,
                        const float *images, size_t count);

#endif
