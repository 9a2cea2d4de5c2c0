/* Batches of normalised images, read, decoded, resized and cropped ahead of whoever consumes them. What a
 * batch holds does not depend on the number of workers. */
#ifndef VITCOD_LOADER_H
#define VITCOD_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/source.h"

enum { VC_LOADER_MAX_BATCH = 1 << 16, VC_LOADER_MAX_WORKERS = 1024 };

typedef struct vc_loader vc_loader;

/* Told of each image that cannot be read, decoded or is refused: by the thread that called
 * vc_loader_next, in order of index. `message` starts with the name. */
typedef void vc_loader_broken_image(void *context, size_t index, const char *name,
                                    const char *message);

typedef struct vc_loader_options {
    size_t size;     /* S: side of the model's images */
    size_t channels; /* C: 3 or 1; for images in memory also what they have */
    float mean[VC_MAX_CHANNELS], std[VC_MAX_CHANNELS]; /* value = (pixel / 255 - mean) / std */
    double
        crop_fraction; /* the shorter side becomes S / crop_fraction, rounded down, before the crop */
    size_t batch;      /* samples in each but the last */
    size_t limit;      /* only so many samples, from the first on; 0: all */
    size_t workers;    /* threads; 0: vc_threads_count() */
    vc_loader_broken_image *on_broken; /* NULL: nobody is told */
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
} vc_loaded;

/* Starts the workers. The source must outlive the loader and serves one loader at a time. Images in memory
 * that have side S already are not resized, only their channels made to fit; all others are treated
 * alike. VC_EINVAL: an option out of range, or channels that cannot be made from the images'. */
vc_status vc_loader_open(vc_loader **out, vc_source *source, const vc_loader_options *options);

/* Stops the workers, wherever they are. NULL is fine. */
void vc_loader_close(vc_loader *loader);

/* The next batch, batch k holding samples k * batch and following. Broken images are left out; a batch of
 * nothing else is skipped. Fails only for want of memory. */
vc_status vc_loader_next(vc_loaded *out, vc_loader *loader);

/* All images at once, resized and cropped as the loader does it (mean and std aside), as pixels in memory: for those
 * who see them many times. Labels are the source's, -1 without. Broken images are left out. */
vc_status vc_dataset_decode(vc_dataset *out, vc_source *source, const vc_loader_options *options);

size_t vc_loader_total(const vc_loader *loader); /* samples up to the limit, broken ones included */
size_t vc_loader_broken(const vc_loader *loader); /* images left out so far */

#endif
