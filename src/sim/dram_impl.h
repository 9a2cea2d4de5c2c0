/* Between the files of the DRAM. */
#ifndef VC_DRAM_IMPL_H
#define VC_DRAM_IMPL_H

#include "memory_impl.h"

/* A burst on its way; bank and group count through the channel. */
typedef struct vc__burst {
    vc_transfer *transfer;
    uint64_t index; /* of its transfer */
    uint64_t came;  /* clock */
    uint32_t row, column, rank, group, bank;
    int opened; /* its row had to be opened for it */
} vc__burst;

typedef struct vc__queue {
    vc__burst *bursts; /* oldest first */
    size_t count, most;
} vc__queue;

/* Clocks from which on a command may go. */
typedef struct vc__bank {
    int64_t row; /* -1: closed */
    uint64_t act, pre, read, write;
    uint64_t wanted; /* the scan that found a burst for the open row */
} vc__bank;

typedef struct vc__group {
    uint64_t act, read, write;
} vc__group;

typedef struct vc__rank {
    uint64_t act, read, write, refresh;
    uint64_t last_acts[4], act_count;
} vc__rank;

typedef struct vc__choice {
    uint64_t time; /* UINT64_MAX: nothing to do */
    vc_dram_kind kind;
    size_t burst; /* in its queue */
    int write;    /* which queue */
} vc__choice;

typedef struct vc__channel {
    vc__queue queues[2]; /* reads, writes */
    vc__bank *banks;
    vc__group *groups;
    vc__rank *ranks;
    uint64_t command; /* the command bus is free */
    uint64_t scans;
    int draining;
    int stale; /* the choice has to be made again */
    vc__choice choice;
} vc__channel;

typedef struct vc__dram {
    vc_memory base;
    vc_dram_config config;
    uint64_t refresh_clocks, refresh_interval;
    uint64_t per_chip, per_dram; /* clocks of the DRAM and of the chip in the same time */
    vc__channel *channels;
    vc_transfer *first[2], *last[2]; /* reads, writes: not yet pushed in full */
    uint64_t now;
} vc__dram;

/* The channel's best command at `now` or later: FR-FCFS (eq. C5). */
void vc__dram_choose(vc__dram *m, vc__channel *channel);
/* A new burst may be better than the choice. */
void vc__dram_came(vc__dram *m, vc__channel *channel, int write);
/* Carries the choice out. */
void vc__dram_issue(vc__dram *m, vc__channel *channel);

static inline uint64_t vc__dram_later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
