/* A loader from inside: a ring of batches between workers and consumer. */
#ifndef VC_LOADER_IMPL_H
#define VC_LOADER_IMPL_H

#include <pthread.h>

#include "prepare.h"
#include "vitcod/arena.h"
#include "vitcod/loader.h"

/* What is wrong with an image. */
typedef struct vc__complaint {
    struct vc__complaint *next; /* of the same sample: about what should have taken its place */
    size_t index;
    char message[];
} vc__complaint;

/* One batch of the ring. Worker and consumer never touch the same entry at once: an entry is a
 * worker's from claim to finish, the batch the consumer's from then on until it is released. */
typedef struct vc__slot {
    float *x;          /* (batch, C, S, S) */
    int32_t *labels;   /* (batch) */
    size_t *indices;   /* (batch) */
    int32_t *partners; /* (batch) */
    double lambda;
    vc__complaint **complaints; /* (batch): NULL when nothing is wrong */
    size_t finished;            /* samples */
    int ready;                  /* all are finished and mixed */
} vc__slot;

struct vc_loader {
    vc_source *source;
    vc__recipe recipe;
    const vc_sampler *sampler; /* NULL: evaluation */
    size_t first_step;
    vc_loader_broken_image *on_broken;
    void *context;
    size_t batch, total, batches, depth, values; /* values: of one image */
    vc_arena arena;
    vc__slot *ring; /* (depth): batch k is at k % depth */
    int holding;    /* the consumer has the oldest batch */
    size_t broken;
    unsigned char *told; /* (images in the source): in training, who was told of already */

    pthread_mutex_t reading; /* held from claim to read when a source must be read in order */
    pthread_mutex_t lock;    /* of all that follows */
    pthread_cond_t room, ready;
    size_t next;   /* sample */
    size_t oldest; /* batch that was not released yet */
    int stop;
    vc_status failure; /* ends it all */
    char reason[1024];

    size_t workers, started;
    pthread_t *threads;
};

/* What each thread does; the argument is the loader. */
void *vc__loader_work(void *loader);

vc__slot *vc__loader_slot(vc_loader *loader, size_t batch);
size_t vc__loader_samples_in(const vc_loader *loader, size_t batch);
void vc__complaints_free(vc__complaint *first);

#endif
