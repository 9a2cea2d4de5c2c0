#include "cpu_barrier.h"

#include <immintrin.h>

/* A look takes about 15 ns. Sleeping and being woken costs more than the longest wait of workers
 * that have a CPU each; where one of them has none, looking costs its turn on that of the other. So
 * who looked in vain looks for less long the next time, down to a microsecond. At the 16th sleep,
 * the 32nd, the 64th and so on it looks for long again, since the other may have a CPU by then. */
enum { MOST_LOOKS = 8192, FEWEST_LOOKS = 64, OFTEN = 16, SELDOM = 1024 /* sleeps */ };

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
    if (b->sleeping > 0)
        pthread_cond_broadcast(&b->all_here);
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

static void sleep_until_all_are_here(vc__barrier *b, unsigned turn)
{
    pthread_mutex_lock(&b->mutex);
    b->sleeping++;
    while (__atomic_load_n(&b->turn, __ATOMIC_RELAXED) == turn)
        pthread_cond_wait(&b->all_here, &b->mutex);
    b->sleeping--;
    pthread_mutex_unlock(&b->mutex);
}

static int is_time(size_t slept)
{
    return slept >= OFTEN && ((slept & (slept - 1)) == 0 || slept % SELDOM == 0);
}

void vc__barrier_wait(vc__barrier *b)
{
    const unsigned turn = __atomic_load_n(&b->turn, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_ACQ_REL) == b->workers) {
        open_for_all(b, turn);
        return;
    }
    size_t patience = __atomic_load_n(&b->patience, __ATOMIC_RELAXED);
    if (look(b, turn, patience)) {
        patience = patience < MOST_LOOKS ? patience * 2 : MOST_LOOKS;
        __atomic_store_n(&b->slept, 0, __ATOMIC_RELAXED);
    } else {
        sleep_until_all_are_here(b, turn);
        const size_t slept = __atomic_add_fetch(&b->slept, 1, __ATOMIC_RELAXED);
        if (is_time(slept))
            patience = MOST_LOOKS;
        else
            patience = patience / 8 > FEWEST_LOOKS ? patience / 8 : FEWEST_LOOKS;
    }
    __atomic_store_n(&b->patience, patience, __ATOMIC_RELAXED);
}
