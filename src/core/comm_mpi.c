/* Processes over MPI. A process that was not started by a launcher calls nothing of MPI. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/comm.h"

/* TRIES: a single MPI_Iprobe may miss a message that is already there, so several are made. */
enum { TAG = 1, MOST_PENDING = 16, TRIES = 4, MOST_SUMS = 1024 };

/* Messages whose sending may not be complete yet. An entry without bytes is free. */
static struct {
    MPI_Request request;
    char *bytes;
} pending[MOST_PENDING];

static void finish(int i, int wait)
{
    int done = 1;
    if (!pending[i].bytes)
        return;
    if (wait)
        MPI_Wait(&pending[i].request, MPI_STATUS_IGNORE);
    else
        MPI_Test(&pending[i].request, &done, MPI_STATUS_IGNORE);
    if (!done)
        return;
    free(pending[i].bytes);
    pending[i].bytes = NULL;
}

static int launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK",
                                        "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return 1;
    return 0;
}

static int running(void)
{
    int started = 0, ended = 0;
    MPI_Initialized(&started);
    if (started)
        MPI_Finalized(&ended);
    return started && !ended;
}

vc_status vc_comm_open(void)
{
    int level;
    if (launched() && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return vc_fail(VC_EIO, "MPI does not start");
    return VC_OK;
}

void vc_comm_close(void)
{
    if (!running())
        return;
    for (int i = 0; i < MOST_PENDING; i++)
        finish(i, 1);
    MPI_Finalize();
}

int vc_comm_rank(void)
{
    int rank = 0;
    if (running())
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

int vc_comm_size(void)
{
    int size = 1;
    if (running())
        MPI_Comm_size(MPI_COMM_WORLD, &size);
    return size;
}

void vc_comm_send(int to, const void *bytes, size_t count)
{
    int place = 0;
    for (int i = MOST_PENDING; i-- > 0;) {
        finish(i, 0);
        place = pending[i].bytes ? place : i;
    }
    finish(place, 1);
    pending[place].bytes = malloc(count + 1);
    if (!pending[place].bytes)
        vc_comm_abort();
    memcpy(pending[place].bytes, bytes, count);
    MPI_Isend(pending[place].bytes, (int)count, MPI_BYTE, to, TAG, MPI_COMM_WORLD,
              &pending[place].request);
}

int vc_comm_receive(char **bytes, size_t *count, int wait)
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
        vc_comm_abort();
    MPI_Recv(*bytes, size, MPI_BYTE, status.MPI_SOURCE, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    *count = (size_t)size;
    return status.MPI_SOURCE;
}

/* Sums that may not be complete yet. */
static struct {
    MPI_Request requests[MOST_SUMS];
    int count;
} sums;

void vc_comm_sum_begin(float *values, size_t count)
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

static vc_status wait_for_sums(int count, MPI_Request *requests,
                               const volatile sig_atomic_t *interrupted)
{
    double since = 0.0;
    int done = count == 0;
    while (!done) {
        MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
        if (done || !interrupted || !*interrupted)
            continue;
        since = since > 0.0 ? since : vc_clock_seconds();
        if (vc_clock_seconds() - since > grace)
            return vc_fail(VC_EIO, "another process is gone, or does not answer");
    }
    return VC_OK;
}

vc_status vc_comm_sum_end(const volatile sig_atomic_t *interrupted)
{
    VC_TRY(wait_for_sums(sums.count, sums.requests, interrupted));
    sums.count = 0;
    return VC_OK;
}

vc_status vc_comm_sum(double *values, size_t count, const volatile sig_atomic_t *interrupted)
{
    MPI_Request request;
    if (!running())
        return VC_OK;
    MPI_Iallreduce(MPI_IN_PLACE, values, (int)count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &request);
    return wait_for_sums(1, &request, interrupted);
}

void vc_comm_abort(void)
{
    if (running())
        MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}
