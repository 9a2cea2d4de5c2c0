/* Batches of normalised images, read, decoded, resized and cropped ahead of whoever consumes them, for training changed at
 * random and mixed. What a batch holds does not depend on the number of workers. */
#ifndef VITCOD_LOADER_H
#define VITCOD_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/augment.h"
#include "vitcod/sampler.h"
#include "vitcod/source.h"

enum {
    VC_LOADER_MAX_BATCH = 1 << 16,
    VC_LOADER_MAX_WORKERS = 1024,
    VC_LOADER_MAX_BROKEN = 100 /* in a row, in training */
};

typedef struct vc_loader vc_loader;

/* Told of each image that cannot be read, decoded or is refused: by the thread that called
 * vc_loader_next, in order of index; in training once, in the order in which samples met it. `message` starts with the
 * name. */
typedef void vc_loader_broken_image(void *context, size_t index, const char *name,
                                    const char *message);

/* An epoch of training, or the rest of one. The sampler says which samples, in which order, and how each is changed:
 * batches are this rank's, whole, those of the steps from first_step on. Starting in the middle gives the bits that would
 * have come without stopping. */
typedef struct vc_loader_training {
    const vc_sampler *sampler; /* of the source's images; outlives the loader, in one epoch */
    size_t first_step;
    vc_augment_options augment;
} vc_loader_training;

typedef struct vc_loader_options {
    size_t size;     /* S: side of the model's images */
    size_t channels; /* C: 3 or 1; for images in memory also what they have */
    float mean[VC_MAX_CHANNELS], std[VC_MAX_CHANNELS]; /* value = (pixel / 255 - mean) / std */
    double
        crop_fraction; /* the shorter side becomes S / crop_fraction, rounded down, before the crop */
    size_t batch;      /* samples in each but the last; in training the sampler's */
    size_t limit; /* only so many samples, from the first on; 0: all; in training the sampler's */
    const vc_loader_training *training; /* NULL: all samples in order, as they are */
    size_t workers;                     /* threads; 0: vc_threads_count() */
    vc_loader_broken_image *on_broken;  /* NULL: nobody is told */
    void *context;
} vc_loader_options;

/* RGB, 224 of 256, batches of 1, mean 0 and std 1. */
vc_loader_options vc_loader_options_default(void);

/* Valid until the next call for the same loader. */
typedef struct vc_loaded {
    const float *x;        /* (count, C, S, S) */
    const int32_t *labels; /* (count), -1: none */
    const size_t *indices; /* (count), in the source */
    size_t count;          /* 0: the end */
    /* A mixed batch: lambda of an image is of its own label, 1 - lambda of its partner's. */
    const int32_t *partners; /* (count); the labels themselves outside training */
    double lambda;           /* 1: not mixed */
} vc_loaded;

/* Starts the workers. The source must outlive the loader and serves one loader at a time. Images in memory
 * that have side S already are not resized, only their channels made to fit; all others are treated
 * alike. VC_EINVAL: an option out of range, channels that cannot be made from the images', a sampler of another number of
 * images. */
vc_status vc_loader_open(vc_loader **out, vc_source *source, const vc_loader_options *options);

/* Stops the workers, wherever they are. NULL is fine. */
void vc_loader_close(vc_loader *loader);

/* The next batch, batch k holding samples k * batch and following. Broken images are left out; a batch of
 * nothing else is skipped. In training batches stay whole: the next image of the epoch's order takes a broken one's place
 * (see vc_sampler_at). Fails for want of memory, in training also (VC_EFORMAT) after VC_LOADER_MAX_BROKEN broken images in
 * a row, or when all are. */
vc_status vc_loader_next(vc_loaded *out, vc_loader *loader);

size_t vc_loader_total(const vc_loader *loader); /* samples up to the limit, broken ones included */
size_t vc_loader_broken(
    const vc_loader *loader); /* images left out or replaced so far, each counted once */

#endif
