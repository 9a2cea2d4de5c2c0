/* The inside of a loader: a ring of batches between workers and consumer. */
#ifndef VC_LOADER_IMPL_H
#define VC_LOADER_IMPL_H

#include <pthread.h>

#include "prepare.h"
#include "vitcod/arena.h"
#include "vitcod/loader.h"

/* A message about an image that could not be used. */
typedef struct vc__complaint {
    struct vc__complaint *next; /* about the image that should have replaced this one */
    size_t index;
    char message[];
} vc__complaint;

/* One batch of the ring. Worker and consumer never use the same sample at the same time: it belongs
 * to a worker from claiming to finishing it; once all samples are finished the batch belongs to the
 * consumer, until it is released. */
typedef struct vc__slot {
    float *x;          /* (batch, C, S, S), or windows of poses */
    float *truth;      /* (batch, frames, joints, 3), or NULL */
    int32_t *labels;   /* (batch) */
    size_t *indices;   /* (batch) */
    int32_t *partners; /* (batch) */
    double lambda;
    vc__complaint **complaints; /* (batch): NULL when nothing is wrong */
    size_t finished;            /* number of samples */
    int ready;                  /* all samples are finished and mixed */
} vc__slot;

struct vc_loader {
    vc_source *source;
    vc__recipe recipe;
    const vc_sampler *sampler; /* NULL: evaluation */
    size_t first_step;
    size_t rank, ranks; /* in evaluation: its batches are rank, rank + ranks, and so on */
    int changes;        /* 1: samples are changed in evaluation too, by `seed` */
    uint64_t seed;
    vc_loader_broken_image *on_broken;
    void *context;
    size_t batch, total, batches, depth, values; /* values: of one image */
    size_t truths;                               /* values of a window's truth; 0: none */
    vc_arena arena;
    vc__slot *ring; /* (depth): batch k is at k % depth */
    int holding;    /* 1: the consumer uses the oldest batch */
    size_t broken;
    unsigned char *told; /* (images in the source) in training: 1 if its message was given */

    pthread_mutex_t reading; /* held from claiming to reading if reading must be in order */
    pthread_mutex_t lock;    /* protects all members below */
    pthread_cond_t room, ready;
    size_t next;   /* sample to be claimed */
    size_t oldest; /* batch that is not released */
    int stop;
    vc_status failure; /* not VC_OK: the loader has failed */
    char reason[1024];

    size_t workers, started;
    pthread_t *threads;
};

/* The function that each worker thread runs; its argument is the loader. */
void *vc__loader_work(void *loader);

vc__slot *vc__loader_slot(vc_loader *loader, size_t batch);
/* The sample of the source, in evaluation. */
size_t vc__loader_sample_of(const vc_loader *loader, size_t at);
size_t vc__loader_samples_in(const vc_loader *loader, size_t batch);
void vc__complaints_free(vc__complaint *first);

#endif
