#include "cpu_barrier.h"

#include <immintrin.h>

/* A look takes about 15 ns. Sleeping and being woken costs more than the longest wait of workers
 * that have a CPU each; where one of them has none, looking costs its turn on that of the other. So
 * who looked in vain looks for less long the next time, down to a microsecond. Since the other may
 * have a CPU by then, it looks for long again after 16 turns, 32, 64 and so on to every 1024th. */
enum { MOST_LOOKS = 8192, FEWEST_LOOKS = 64, OFTEN = 16, SELDOM = 1024 /* turns */ };

vc_status vc__barrier_open(vc__barrier *b, size_t workers)
{
    *b = (vc__barrier){.workers = workers, .patience = MOST_LOOKS};
    if (pthread_mutex_init(&b->mutex, NULL) != 0)
        return vc_fail(VC_ENOMEM, "out of memory for a barrier of %zu workers", workers);
    if (pthread_cond_init(&b->all_here, NULL) == 0)
        return VC_OK;
    pthread_mutex_destroy(&b->mutex);
    return vc_fail(VC_ENOMEM, "out of memory for a barrier of %zu workers", workers);
}

void vc__barrier_close(vc__barrier *b)
{
    pthread_cond_destroy(&b->all_here);
    pthread_mutex_destroy(&b->mutex);
}

static void open_for_all(vc__barrier *b, unsigned turn)
{
    __atomic_store_n(&b->arrived, 0, __ATOMIC_RELAXED);
    pthread_mutex_lock(&b->mutex);
    __atomic_store_n(&b->turn, turn + 1, __ATOMIC_RELEASE);
    if (b->sleeping > 0) {
        b->slept++;
        pthread_cond_broadcast(&b->all_here);
    } else {
        b->slept = 0;
    }
    pthread_mutex_unlock(&b->mutex);
}

/* 1 if all have come while the worker looked. */
static int look(vc__barrier *b, unsigned turn, size_t patience)
{
    for (size_t i = 0; i < patience; i++) {
        if (__atomic_load_n(&b->turn, __ATOMIC_ACQUIRE) != turn)
            return 1;
        _mm_pause();
    }
    return 0;
}

static int is_time(size_t slept)
{
    return slept >= OFTEN && ((slept & (slept - 1)) == 0 || slept % SELDOM == 0);
}

/* Returns how often the worker is to look the next time. */
static size_t sleep_until_all_are_here(vc__barrier *b, unsigned turn, size_t patience)
{
    pthread_mutex_lock(&b->mutex);
    b->sleeping++;
    while (__atomic_load_n(&b->turn, __ATOMIC_RELAXED) == turn)
        pthread_cond_wait(&b->all_here, &b->mutex);
    b->sleeping--;
    const int again = is_time(b->slept);
    pthread_mutex_unlock(&b->mutex);
    if (again)
        return MOST_LOOKS;
    return patience / 8 > FEWEST_LOOKS ? patience / 8 : FEWEST_LOOKS;
}

void vc__barrier_wait(vc__barrier *b)
{
    const unsigned turn = __atomic_load_n(&b->turn, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_ACQ_REL) == b->workers) {
        open_for_all(b, turn);
        return;
    }
    size_t patience = __atomic_load_n(&b->patience, __ATOMIC_RELAXED);
    if (look(b, turn, patience))
        patience = patience < MOST_LOOKS ? patience * 2 : MOST_LOOKS;
    else
        patience = sleep_until_all_are_here(b, turn, patience);
    __atomic_store_n(&b->patience, patience, __ATOMIC_RELAXED);
}
