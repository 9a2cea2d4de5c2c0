/* Processes over MPI: a module, which is opened in a process that a launcher started. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "comm_module.h"
#include "vitcod/version.h"

/* TRIES: a single MPI_Iprobe may miss a message that is already there, so several are made. */
enum { TAG = 1, TRIES = 4, MOST_SUMS = 1024 };

/* Messages whose sending may not be complete yet, as many as there are: a process that waited for
 * room might wait for one that waits for it. */
typedef struct message {
    MPI_Request request;
    struct message *next;
    char bytes[];
} message;

static message *pending;

/* Forgets the messages that are sent; all of them, if it waits. */
static void finish(int wait)
{
    for (message **at = &pending; *at;) {
        message *m = *at;
        int done = 1;
        if (wait)
            MPI_Wait(&m->request, MPI_STATUS_IGNORE);
        else
            MPI_Test(&m->request, &done, MPI_STATUS_IGNORE);
        if (done) {
            *at = m->next;
            free(m);
        } else
            at = &m->next;
    }
}

static int running(void)
{
    int started = 0, ended = 0;
    MPI_Initialized(&started);
    if (started)
        MPI_Finalized(&ended);
    return started && !ended;
}

static const char *open_mpi(void)
{
    int level;
    const int status = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    return status == MPI_SUCCESS ? NULL : "MPI does not start";
}

static void close_mpi(void)
{
    if (!running())
        return;
    finish(1);
    MPI_Finalize();
}

static int rank(void)
{
    int own = 0;
    if (running())
        MPI_Comm_rank(MPI_COMM_WORLD, &own);
    return own;
}

static int size(void)
{
    int all = 1;
    if (running())
        MPI_Comm_size(MPI_COMM_WORLD, &all);
    return all;
}

static void abort_all(void)
{
    if (running())
        MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

static void send_bytes(int to, const void *bytes, size_t count)
{
    finish(0);
    message *m = malloc(sizeof *m + count);
    if (!m)
        abort_all();
    memcpy(m->bytes, bytes, count);
    m->next = pending;
    pending = m;
    MPI_Isend(m->bytes, (int)count, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &m->request);
}

static int receive(char **bytes, size_t *count, int wait)
{
    MPI_Status status;
    int there = 0, size = 0;
    *bytes = NULL;
    *count = 0;
    if (wait)
        MPI_Probe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &status);
    else {
        for (int i = 0; i < TRIES && !there; i++)
            MPI_Iprobe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &there, &status);
        if (!there)
            return -1;
    }
    MPI_Get_count(&status, MPI_BYTE, &size);
    *bytes = malloc((size_t)size + 1);
    if (!*bytes)
        abort_all();
    MPI_Recv(*bytes, size, MPI_BYTE, status.MPI_SOURCE, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    *count = (size_t)size;
    return status.MPI_SOURCE;
}

/* Sums that may not be complete yet. */
static struct {
    MPI_Request requests[MOST_SUMS];
    int count;
} sums;

static void sum_begin(float *values, size_t count)
{
    int done;
    if (!running())
        return;
    if (sums.count == MOST_SUMS) {
        MPI_Waitall(sums.count, sums.requests, MPI_STATUSES_IGNORE);
        sums.count = 0;
    }
    MPI_Iallreduce(MPI_IN_PLACE, values, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD,
                   &sums.requests[sums.count++]);
    /* MPI makes progress on them only inside its own calls. */
    MPI_Testall(sums.count, sums.requests, &done, MPI_STATUSES_IGNORE);
    if (done)
        sums.count = 0;
}

/* Seconds to wait for the others after an interrupt. When all processes got the signal, each still
 * completes its sums in this time; when one was killed, the launcher kills the others after about a
 * second. */
static const double grace = 0.6;

static const char *wait_for_sums(int count, MPI_Request *requests,
                                 const volatile sig_atomic_t *interrupted)
{
    double since = 0.0;
    int done = count == 0;
    while (!done) {
        MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
        if (done || !interrupted || !*interrupted)
            continue;
        since = since > 0.0 ? since : MPI_Wtime();
        if (MPI_Wtime() - since > grace)
            return "another process is gone, or does not answer";
    }
    return NULL;
}

static const char *sum_end(const volatile sig_atomic_t *interrupted)
{
    const char *failure = wait_for_sums(sums.count, sums.requests, interrupted);
    if (!failure)
        sums.count = 0;
    return failure;
}

static const char *sum(double *values, size_t count, const volatile sig_atomic_t *interrupted)
{
    MPI_Request request;
    if (!running())
        return NULL;
    MPI_Iallreduce(MPI_IN_PLACE, values, (int)count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &request);
    return wait_for_sums(1, &request, interrupted);
}

/* Where a rank's part of so many values begins, for MPI_Alltoallv and MPI_Allgatherv. */
static int part_from(size_t count, int of)
{
    return (int)(count * (size_t)of / (size_t)size());
}

/* The counts and places of all ranks' parts; the caller frees them, which are one block. */
static int *parts_of(size_t count)
{
    const int ranks = size();
    int *parts = malloc(2 * (size_t)ranks * sizeof *parts);
    if (!parts)
        abort_all();
    for (int r = 0; r < ranks; r++) {
        parts[r] = part_from(count, r + 1) - part_from(count, r);
        parts[ranks + r] = part_from(count, r);
    }
    return parts;
}

static void add_in_order(float *total, const float *values, size_t count)
{
    const int ranks = size(), own = rank();
    const int from = part_from(count, own), each = part_from(count, own + 1) - from;
    int *sent = parts_of(count), *got = malloc(2 * (size_t)ranks * sizeof *got);
    float *all = malloc(((size_t)ranks * (size_t)each + 1) * sizeof *all);
    if (!got || !all)
        abort_all();
    for (int r = 0; r < ranks; r++) {
        got[r] = each;
        got[ranks + r] = r * each;
    }
    MPI_Alltoallv(values, sent, sent + ranks, MPI_FLOAT, all, got, got + ranks, MPI_FLOAT,
                  MPI_COMM_WORLD);
    for (int r = 0; r < ranks; r++)
        for (int i = 0; i < each; i++)
            total[from + i] += all[(size_t)r * (size_t)each + (size_t)i];
    free(all);
    free(got);
    free(sent);
}

static void complete(float *values, size_t count)
{
    int *parts = parts_of(count);
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, parts, parts + size(), MPI_FLOAT,
                   MPI_COMM_WORLD);
    free(parts);
}

__attribute__((visibility("default"))) const vc__comm_module vc_comm_module_mpi = {
    VC_VERSION, open_mpi, close_mpi, rank,         size,     send_bytes, receive,
    sum_begin,  sum_end,  sum,       add_in_order, complete, abort_all,
};
