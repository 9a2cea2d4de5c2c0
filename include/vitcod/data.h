/* Labelled images and batches made of them. */
#ifndef VITCOD_DATA_H
#define VITCOD_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/image.h"

typedef struct vc_dataset {
    size_t count, channels, height, width;
    size_t classes;  /* highest label + 1, or as many as the format has */
    uint8_t *images; /* (count, channels, height, width) */
    int32_t *labels; /* (count) */
    char *path;      /* where they came from, for messages; NULL: made in memory */
} vc_dataset;

/* Opens `<directory>/<split>-images-idx3-ubyte` and its labels, each with or without .gz; or the binary
 * files of CIFAR-10 or CIFAR-100 (fine labels), in the directory or in the folder that their archive
 * unpacks to. `split` is "train" or "test" ("t10k" in the file names, as MNIST has it). */
vc_status vc_dataset_open(vc_dataset *out, const char *directory, const char *split);
void vc_dataset_close(vc_dataset *dataset);

/* Copies this share of the images, 0 to 1, evenly spread so that sorted classes are on both sides, into `second`, the
 * others into `first`. A fifth is every fifth image. */
vc_status vc_dataset_split(vc_dataset *first, vc_dataset *second, const vc_dataset *all,
                           double share);

/* Mean and standard deviation of each channel, values scaled to 0..1. */
void vc_dataset_statistics(float mean[VC_MAX_CHANNELS], float std[VC_MAX_CHANNELS],
                           const vc_dataset *dataset);

typedef struct vc_augmentation {
    size_t shift; /* largest shift in pixels along each axis; uncovered pixels are black */
    int flip;     /* mirror half of the images left to right */
    /* Random resized crop (Szegedy et al. 2015, as torchvision has it): an area of this share to all of the image, sides
     * of 3:4 to 4:3, enlarged bilinearly; 0: none. In place of the shift. */
    double crop;
    /* Mixup (Zhang et al. 2018) of so many of a batch's pairs, first with last and so on, by a weight from 0 to 1; labels
     * stay, so it is for a teacher who sees the mixture (Beyer et al. 2022, function matching). */
    double mixup;
} vc_augmentation;

typedef struct vc_batch_options {
    float mean[VC_MAX_CHANNELS], std[VC_MAX_CHANNELS]; /* value = (pixel / 255 - mean) / std */
    vc_augmentation augmentation;                      /* zero: none */
    uint64_t seed, epoch; /* sample i of an epoch is augmented by stream (seed, epoch, i) */
} vc_batch_options;

/* Fills x (count, channels, height, width) and y (count) with the images `indices[0..count-1]`. */
void vc_batch_load(float *x, int32_t *y, const vc_dataset *dataset, const uint32_t *indices,
                   size_t count, const vc_batch_options *options);

/* The order in which an epoch visits `count` samples; the same for the same seed and epoch. */
void vc_epoch_order(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch);

#endif
