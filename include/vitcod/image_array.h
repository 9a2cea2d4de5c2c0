/* Images in memory, already normalised: an npy file of them, and a model over them. */
#ifndef VITCOD_IMAGE_ARRAY_H
#define VITCOD_IMAGE_ARRAY_H

#include "vitcod/evaluate.h"
#include "vitcod/npy.h"

#ifdef __cplusplus
extern "C" {
#endif

/* float32 (N, channels, height, width) of the model's size. VC_EINVAL for another shape, for
 * none, and where one value is not finite. */
vc_status vc_image_array_open(vc_npy *out, const char *path, const vc_model *model);

/* Runs images (count, channels, height, width) batch by batch; logits (count, outputs), or NULL:
 * not wanted. */
vc_status vc_run_images(float *logits, const vc_runner *runner, const vc_model *model,
                        const float *images, size_t count);

/* The forward pass with a tap, at most `batch` images at once. */
vc_status vc_tap_images(const vc_model *model, const float *images, size_t count, size_t batch,
                        const vc_tap *tap);

/* What the auto-encoder loses (vc_model_reconstruction), over all images at once: an engine has it
 * folded away. */
vc_status vc_images_reconstruction(double *out, const vc_model *model, const float *images,
                                   size_t count);

/* The first class of each image (count); to be freed. */
vc_status vc_first_classes(size_t **out, const float *logits, size_t count, size_t classes);

#ifdef __cplusplus
}
#endif

#endif
