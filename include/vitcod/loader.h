/* Batches of normalised images: worker threads read, decode, resize and crop them ahead of the
 * consumer; for training they also change images at random and mix them. What a batch holds does
 * not depend on the number of workers. */
#ifndef VITCOD_LOADER_H
#define VITCOD_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/augment.h"
#include "vitcod/sampler.h"
#include "vitcod/source.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    VC_LOADER_MAX_BATCH = 1 << 16,
    VC_LOADER_MAX_WORKERS = 1024,
    VC_LOADER_MAX_BROKEN = 100 /* in a row, in training */
};

typedef struct vc_loader vc_loader;

/* Called for each image that cannot be read or decoded, or is refused. The calls come from the
 * thread that called vc_loader_next, in order of index; in training once for each image, in the
 * order in which the samples met it. `message` starts with the name. */
typedef void vc_loader_broken_image(void *context, size_t index, const char *name,
                                    const char *message);

/* An epoch of training, or the rest of one. The sampler decides which samples come, in which order,
 * and how each is changed. The loader delivers this rank's share of each batch, for the steps from
 * first_step on. Starting in the middle of an epoch gives the same bits as going through all of
 * it. */
typedef struct vc_loader_training {
    const vc_sampler *sampler; /* of the source's images; outlives the loader, in one epoch */
    size_t first_step;
    vc_augment_options augment;
} vc_loader_training;

typedef struct vc_loader_options {
    /* Of poses in place of images: frames of a window and joints of a pose, all that follows on
     * images is left alone; changed at random they are mirrored (augment.flip) and no more. */
    size_t frames, joints;
    vc_extent size;  /* S: of the model's images */
    size_t channels; /* C: 3 or 1; for images in memory also what they have */
    float mean[VC_MAX_CHANNELS], std[VC_MAX_CHANNELS]; /* value = (pixel / 255 - mean) / std */
    /* before the crop an image is resized to cover S / crop_fraction, rounded down */
    double crop_fraction;
    vc_interpolation interpolation; /* not VC_EITHER */
    size_t batch; /* samples in each batch but the last; in training the sampler decides */
    size_t limit; /* the number of samples, 0: all; in training the sampler decides */
    /* Without training: only batches rank, rank + ranks, and so on, for processes that share the
     * work; 0 of 0: all of them. */
    size_t rank, ranks;
    const vc_loader_training *training; /* NULL: all samples in order */
    /* Without training: how each sample is changed at random, by `seed` and its index, mixing left
     * out; NULL: it is not. */
    const vc_augment_options *augment;
    uint64_t seed;
    size_t workers;                    /* threads; 0: vc_threads_count() */
    vc_loader_broken_image *on_broken; /* NULL: nobody is told */
    void *context;
} vc_loader_options;

/* RGB, 224 of 256, batches of 1, mean 0 and std 1. */
vc_loader_options vc_loader_options_default(void);

/* A batch. Valid until the next call for the same loader. */
typedef struct vc_loaded {
    const float *x;        /* (count, C, height, width); of poses (count, frames, joints, 2) */
    const float *truth;    /* (count, frames, joints, 3) of poses where it is known; NULL */
    const int32_t *labels; /* (count), -1: none */
    const size_t *indices; /* (count), in the source */
    size_t count;          /* 0: the end */
    /* In a mixed batch, an image counts lambda for its own label and 1 - lambda for its
     * partner's. */
    const int32_t *partners; /* (count) labels of the partners; outside training = labels */
    double lambda;           /* 1: not mixed */
} vc_loaded;

/* Starts the workers. The source must outlive the loader and serves one loader at a time. Images in
 * memory that already have size S are not resized; only their channels are converted. VC_EINVAL: an
 * option out of range, channels that cannot be made from the images', or a sampler made for another
 * number of images. */
vc_status vc_loader_open(vc_loader **out, vc_source *source, const vc_loader_options *options);

/* Stops the workers, whatever they are doing. NULL is fine. */
void vc_loader_close(vc_loader *loader);

/* The next batch. Batch k holds the samples from k * batch on, without broken images; a batch
 * without any good image is skipped. In training batches stay whole: the next image in the order of
 * the epoch replaces a broken one (see vc_sampler_at). Fails when memory runs out, and in training
 * (with VC_EFORMAT) after VC_LOADER_MAX_BROKEN broken images in a row or when all images are
 * broken. */
vc_status vc_loader_next(vc_loaded *out, vc_loader *loader);

/* Samples up to the limit that this rank has, broken ones included. */
size_t vc_loader_total(const vc_loader *loader);
/* Images left out or replaced so far, each counted once. */
size_t vc_loader_broken(const vc_loader *loader);

#ifdef __cplusplus
}
#endif

#endif
