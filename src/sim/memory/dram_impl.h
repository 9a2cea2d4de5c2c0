/* Between the files of the DRAM. */
#ifndef VC_DRAM_IMPL_H
#define VC_DRAM_IMPL_H

#include "memory_impl.h"

enum { VC__NO_BURST = UINT32_MAX };

/* A burst on its way; bank and group count through the channel. */
typedef struct vc__burst {
    vc_transfer *transfer;
    uint64_t index; /* of its transfer */
    uint64_t came;  /* clock */
    uint64_t order; /* in its queue */
    uint32_t row, column, rank, group, bank;
    uint32_t next, previous; /* of its bank; without a bank, of the free ones */
    uint32_t newer, older;   /* of its queue */
    int opened;              /* its row had to be opened for it */
} vc__burst;

typedef struct vc__bank_queue {
    uint32_t first, last;
    uint32_t hit;   /* the oldest that wants the open row */
    uint32_t place; /* among the active */
} vc__bank_queue;

typedef struct vc__queue {
    vc__burst *bursts;
    vc__bank_queue *banks;
    uint32_t *active; /* banks that have bursts, in any order */
    size_t active_count, count, most;
    size_t misses; /* active banks of whose bursts none wants the open row */
    uint64_t pushed;
    uint32_t free, oldest, newest;
} vc__queue;

/* Clocks from which on a command may go. */
typedef struct vc__bank {
    int64_t row; /* -1: closed */
    uint64_t act, pre, read, write;
} vc__bank;

typedef struct vc__group {
    uint64_t act, read, write;
} vc__group;

typedef struct vc__rank {
    uint64_t act, read, write, refresh;
    uint64_t last_acts[4], act_count;
    uint64_t pending, open; /* bursts that wait, rows that are open */
    uint64_t idle;          /* since when there is nothing to do, if nothing is pending */
    uint64_t counted;       /* until when its states are */
} vc__rank;

/* Two words, so that it is handed on in registers. */
typedef struct vc__choice {
    uint64_t time;  /* UINT64_MAX: nothing to do */
    uint32_t burst; /* in its queue */
    uint16_t kind;  /* vc_dram_kind */
    uint16_t write; /* which queue */
} vc__choice;

typedef struct vc__channel {
    vc__queue queues[2]; /* reads, writes */
    vc__bank *banks;
    vc__group *groups;
    vc__rank *ranks;
    uint64_t command; /* the command bus is free */
    int draining;
    int stale; /* the choice has to be made again */
    vc__choice choice;
} vc__channel;

typedef struct vc__dram {
    vc_memory base;
    vc_dram_config config;
    uint64_t refresh_clocks, refresh_interval;
    uint64_t per_chip, per_dram; /* clocks of the DRAM and of the chip in the same time */
    unsigned burst_shift;        /* bytes of a burst are 1 << it */
    vc__channel *channels;
    vc_transfer *first[2], *last[2]; /* reads, writes: not yet pushed in full */
    uint64_t issue[2];               /* clock of the first; UINT64_MAX: none */
    const vc__queue *full[2];        /* where the next burst found no place; NULL: not known */
    unsigned shift[VC_DRAM_FIELDS];  /* where a field begins in a burst's number */
    uint64_t mask[VC_DRAM_FIELDS];
    uint64_t now;
} vc__dram;

/* The channel's best command at `now` or later: FR-FCFS (eq. C5). */
void vc__dram_choose(vc__dram *m, vc__channel *channel);
/* A new burst, in the next place of its queue, which may be better than the choice. */
void vc__dram_came(vc__dram *m, vc__channel *channel, int write);
/* Carries the choice out. */
void vc__dram_issue(vc__dram *m, vc__channel *channel);

/* Counts what the rank was in until `clock`. */
void vc__dram_spend(const vc__dram *m, vc_memory_counters *counters, vc__rank *rank,
                    uint64_t clock);
/* When the rank sleeps if nothing comes; UINT64_MAX: it has something to do, or never does. */
uint64_t vc__dram_asleep(const vc__dram *m, const vc__rank *rank);
int vc__dram_in_self_refresh(const vc__dram *m, const vc__rank *rank, uint64_t clock);
/* From when on a rank takes commands that is wanted at `clock`. */
uint64_t vc__dram_wake(const vc__dram *m, const vc__rank *rank, uint64_t clock);
/* Ampere times clocks, of one device. */
double vc__dram_standby(const vc_memory_counters *counters, const vc_dram_config *config);

/* 0: out of memory. */
int vc__queue_open(vc__queue *queue, size_t most, size_t banks);
void vc__queue_close(vc__queue *queue);
/* The next place, to be filled in. The queue must have one. */
static inline vc__burst *vc__queue_place(vc__queue *queue)
{
    return &queue->bursts[queue->free];
}
/* Adds the burst in the next place, which it returns. */
uint32_t vc__queue_push(vc__queue *queue, int64_t open_row);
/* Takes away what its bank's `hit` is. */
void vc__queue_remove(vc__queue *queue, uint32_t burst);
/* The bank's row is another; -1: closed. */
void vc__queue_opened(vc__queue *queue, uint32_t bank, int64_t row);

/* Rounded up; the product may be beyond 64 bits. */
static inline uint64_t vc__dram_convert(uint64_t time, uint64_t to, uint64_t from)
{
    if (time < UINT64_C(1) << 32 && to < UINT64_C(1) << 31)
        return (time * to + from - 1) / from;
    return (uint64_t)(((unsigned __int128)time * to + from - 1) / from);
}

static inline uint64_t vc__dram_later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
