/* Labelled images in memory. */
#ifndef VITCOD_DATA_H
#define VITCOD_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_dataset {
    size_t count, channels, height, width;
    size_t classes;  /* of IDX: the highest label + 1; of CIFAR: 10 or 100 */
    uint8_t *images; /* (count, channels, height, width) */
    int32_t *labels; /* (count) */
    char *path;      /* where the images came from, for messages; NULL: made in memory */
} vc_dataset;

/* Opens IDX files: `<split>-images-idx3-ubyte` and the labels beside it, each with or without .gz,
 * with `.idx` in place of `-idx`, with something before it (`emnist-letters-train-images-..`); in
 * the directory `path`, in `raw` below it or in `NAME/raw`, as torchvision leaves them. Where a
 * directory has several data sets, `path` is a file of the images of one. Images are as stored:
 * EMNIST's are transposed, unlike MNIST's. Or opens CIFAR-10 or CIFAR-100 (with fine labels), as
 * binary files or Python's pickles, in the directory itself or in the folder that their archive
 * unpacks to. `split` is "train" or "test"; in IDX file names "test" may be "t10k", as in MNIST.
 * VC_EABSENT: there is no such split. */
vc_status vc_dataset_open(vc_dataset *out, const char *path, const char *split);
void vc_dataset_close(vc_dataset *dataset);

/* Mean and standard deviation of each channel, values scaled to 0..1. */
void vc_dataset_statistics(float mean[VC_MAX_CHANNELS], float std[VC_MAX_CHANNELS],
                           const vc_dataset *dataset);

#ifdef __cplusplus
}
#endif

#endif
