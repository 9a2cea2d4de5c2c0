/* Where the workers of an engine meet. OpenMP's barrier spins for milliseconds, in which a worker
 * keeps the CPU from the one that it waits for when other programs run there too. */
#ifndef VC_CPU_BARRIER_H
#define VC_CPU_BARRIER_H

#include <pthread.h>
#include <stddef.h>

#include "vitcod/status.h"

typedef struct vc__barrier {
    size_t workers, arrived;
    unsigned turn;   /* how often all have met */
    size_t patience; /* how often a worker looks before it sleeps */
    size_t sleeping; /* under the mutex */
    size_t slept;    /* under the mutex: turns in which some slept, since one in which none did */
    pthread_mutex_t mutex;
    pthread_cond_t all_here;
} vc__barrier;

vc_status vc__barrier_open(vc__barrier *barrier, size_t workers);
void vc__barrier_close(vc__barrier *barrier);
/* Returns when all workers have called it. */
void vc__barrier_wait(vc__barrier *barrier);

#endif
