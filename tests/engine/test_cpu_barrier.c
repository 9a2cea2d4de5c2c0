/* Where the workers of an engine meet: none goes on before all are there, whether they look or
 * sleep; and who waits in vain lets the others have the CPU. */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "../../src/engine/cpu_barrier.h"
#include "testing.h"

enum { WORKERS = 5, ROUNDS = 400 };

typedef struct crew {
    vc__barrier barrier;
    size_t done[WORKERS], wrong;
    int late; /* 1: one worker comes late, so that the others sleep */
} crew;

typedef struct member {
    crew *crew;
    size_t index;
    double cpu_seconds;
} member;

static void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void *work(void *given)
{
    member *m = given;
    crew *c = m->crew;
    const size_t rounds = c->late ? ROUNDS / 8 : ROUNDS;
    for (size_t round = 1; round <= rounds; round++) {
        if (c->late && m->index == round % WORKERS)
            nap();
        __atomic_store_n(&c->done[m->index], round, __ATOMIC_RELAXED);
        vc__barrier_wait(&c->barrier);
        for (size_t w = 0; w < WORKERS; w++)
            if (__atomic_load_n(&c->done[w], __ATOMIC_RELAXED) != round)
                __atomic_fetch_add(&c->wrong, 1, __ATOMIC_RELAXED);
        vc__barrier_wait(&c->barrier);
    }
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    m->cpu_seconds = (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
    return NULL;
}

static void run(crew *c, member members[WORKERS])
{
    pthread_t threads[WORKERS];
    assert_int_equal(vc__barrier_open(&c->barrier, WORKERS), VC_OK);
    for (size_t w = 0; w < WORKERS; w++) {
        members[w] = (member){c, w, 0.0};
        assert_int_equal(pthread_create(&threads[w], NULL, work, &members[w]), 0);
    }
    for (size_t w = 0; w < WORKERS; w++)
        assert_int_equal(pthread_join(threads[w], NULL), 0);
    vc__barrier_close(&c->barrier);
    assert_int_equal(c->wrong, 0);
}

static void none_goes_on_alone(void **state)
{
    (void)state;
    member members[WORKERS];
    crew c = {.late = 0};
    run(&c, members);
}

/* 50 naps of a millisecond, which spinning workers would spend on the CPU: 0.2 s. */
static void who_waits_sleeps(void **state)
{
    (void)state;
    member members[WORKERS];
    crew c = {.late = 1};
    run(&c, members);
    double sum = 0.0;
    for (size_t w = 0; w < WORKERS; w++)
        sum += members[w].cpu_seconds;
    assert_true(sum < 0.03);
}

/* ---- after a while in which looking was in vain */

enum {
    TURNS = 1200,
    WAIT = 30000 /* ns, longer than the shortest look, shorter than the longest */
};

typedef struct crowd {
    vc__barrier barrier;
    size_t here; /* turns in which the first has come */
} crowd;

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static void *come_later(void *given)
{
    crowd *p = given;
    for (size_t turn = 1; turn <= TURNS; turn++) {
        while (__atomic_load_n(&p->here, __ATOMIC_ACQUIRE) < turn)
            sched_yield();
        for (const double since = nanoseconds(); nanoseconds() < since + WAIT;) {
        }
        vc__barrier_wait(&p->barrier);
    }
    return NULL;
}

static void look_again(size_t workers)
{
    crowd p = {.here = 0};
    pthread_t others[WORKERS];
    size_t most = 0;
    assert_int_equal(vc__barrier_open(&p.barrier, workers), VC_OK);
    const size_t before = p.barrier.patience;
    p.barrier.patience = 1;
    for (size_t w = 1; w < workers; w++)
        assert_int_equal(pthread_create(&others[w], NULL, come_later, &p), 0);
    for (size_t turn = 1; turn <= TURNS; turn++) {
        __atomic_store_n(&p.here, turn, __ATOMIC_RELEASE);
        vc__barrier_wait(&p.barrier);
        const size_t patience = __atomic_load_n(&p.barrier.patience, __ATOMIC_RELAXED);
        most = patience > most ? patience : most;
    }
    for (size_t w = 1; w < workers; w++)
        assert_int_equal(pthread_join(others[w], NULL), 0);
    vc__barrier_close(&p.barrier);
    assert_int_equal(most, before);
}

/* Patience that was lost comes back, also where no wait is as short as the shortest look. */
static void they_look_again(void **state)
{
    (void)state;
    look_again(2);
    look_again(4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(none_goes_on_alone),
                                       cmocka_unit_test(who_waits_sleeps),
                                       cmocka_unit_test(they_look_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
