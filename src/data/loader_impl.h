/* A loader from inside: a ring of batches between workers and consumer. */
#ifndef VC_LOADER_IMPL_H
#define VC_LOADER_IMPL_H

#include <pthread.h>

#include "prepare.h"
#include "vitcod/arena.h"
#include "vitcod/loader.h"

/* One batch of the ring. Worker and consumer never touch the same entry at once: an entry is a worker's from
 * claim to finish, the batch the consumer's from then on until it is released. */
typedef struct vc__slot {
    float *x;        /* (batch, C, S, S) */
    int32_t *labels; /* (batch) */
    size_t *indices; /* (batch) */
    char **messages; /* (batch): what is wrong with an image, NULL when nothing is */
    size_t finished; /* samples */
} vc__slot;

struct vc_loader {
    vc_source *source;
    vc__recipe recipe;
    vc_loader_broken_image *on_broken;
    void *context;
    size_t batch, total, batches, depth, values; /* values: of one image */
    vc_arena arena;
    vc__slot *ring; /* (depth): batch k is at k % depth */
    int holding;    /* the consumer has the oldest batch */
    size_t broken;

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

#endif
