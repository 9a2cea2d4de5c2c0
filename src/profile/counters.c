#include <errno.h>
#include <linux/perf_event.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vitcod/profile.h"

struct vc_counters {
    int threads;
    int *fds; /* (threads, VC_COUNTER_COUNT), -1: none */
};

/* Of the calling thread. */
static int open_one(vc_counter counter)
{
    static const uint64_t events[] = {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS,
                                      PERF_COUNT_HW_CACHE_REFERENCES, PERF_COUNT_HW_CACHE_MISSES};
    struct perf_event_attr how;
    memset(&how, 0, sizeof how);
    how.type = PERF_TYPE_HARDWARE;
    how.size = sizeof how;
    how.config = events[counter];
    how.disabled = 1;
    how.exclude_kernel = how.exclude_hv = 1;
    how.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return (int)syscall(SYS_perf_event_open, &how, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

vc_status vc_counters_open(vc_counters **out, int threads)
{
    const size_t count = (size_t)threads * VC_COUNTER_COUNT;
    int opened = 0, reason = 0;
    vc_counters *c = malloc(sizeof *c);
    int *fds = malloc(count * sizeof *fds);
    *out = NULL;
    if (!c || !fds) {
        free(c);
        free(fds);
        return vc_fail(VC_ENOMEM, "out of memory");
    }
    *c = (vc_counters){threads, fds};
    for (size_t i = 0; i < count; i++)
        fds[i] = -1; /* there may be fewer threads than asked for */
#pragma omp parallel num_threads(threads) reduction(+ : opened) reduction(max : reason)
    for (int k = 0; k < VC_COUNTER_COUNT; k++) {
        const int fd = open_one((vc_counter)k);
        fds[omp_get_thread_num() * VC_COUNTER_COUNT + k] = fd;
        opened += fd >= 0;
        reason = fd < 0 && errno > reason ? errno : reason;
    }
    if (opened == 0) {
        vc_counters_close(c);
        return vc_fail(VC_EUNSUPPORTED, "no hardware counters: perf_event_open: %s",
                       strerror(reason));
    }
    *out = c;
    return VC_OK;
}

void vc_counters_close(vc_counters *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->threads * VC_COUNTER_COUNT; i++)
        if (c->fds[i] >= 0)
            close(c->fds[i]);
    free(c->fds);
    free(c);
}

static void tell_all(vc_counters *c, unsigned long request)
{
    for (int i = 0; i < c->threads * VC_COUNTER_COUNT; i++)
        if (c->fds[i] >= 0)
            ioctl(c->fds[i], request, 0);
}

void vc_counters_start(vc_counters *c)
{
    tell_all(c, PERF_EVENT_IOC_ENABLE);
}

void vc_counters_stop(vc_counters *c)
{
    tell_all(c, PERF_EVENT_IOC_DISABLE);
}

double vc_counters_value(const vc_counters *c, vc_counter counter)
{
    double sum = 0.0;
    for (int t = 0; t < c->threads; t++) {
        uint64_t read_out[3]; /* value, time enabled, time running */
        const int fd = c->fds[t * VC_COUNTER_COUNT + (int)counter];
        if (fd < 0 || read(fd, read_out, sizeof read_out) != (ssize_t)sizeof read_out ||
            read_out[2] == 0)
            return -1.0;
        sum += (double)read_out[0] * (double)read_out[1] / (double)read_out[2];
    }
    return sum;
}
