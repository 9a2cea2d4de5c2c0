/* Sums that processes (comm.h) add to in turn. */
#ifndef VITCOD_TURNS_H
#define VITCOD_TURNS_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Batches that are dealt out one by one: batch b is that of process b % ranks. What is summed over
 * images goes from the process of each batch to that of the next, so that everything is added in
 * the order of one process alone, to the same bits. Each process takes and passes on the same sums
 * in the same order in every batch. Alone nothing is sent. */
typedef struct vc_turns {
    size_t first;       /* the batch that begins with what all processes have in their sums */
    size_t batches;     /* of all processes; the last one has the whole sums */
    size_t each;        /* samples in a batch, but for the last */
    size_t batch;       /* whose turn it is in this process */
    size_t next;        /* of this process's batches, that comes next */
    size_t rank, ranks; /* ranks 0 or 1: alone */
    /* Takes and passes on all sums, for a batch in which no image can be read. */
    void (*relay)(void *context);
    void *context;
} vc_turns;

/* Sets all but `first`, `relay` and `context`. */
void vc_turns_begin(vc_turns *turns, size_t samples, size_t batch, int together);
/* This process has loaded a batch that begins with this sample or one soon after: passes on what
 * it has skipped before. */
void vc_turns_reach(vc_turns *turns, size_t sample);
void vc_turns_end(vc_turns *turns); /* there are no more */
/* Waits for the sums of the batch before, and hands them to the next. `turns` may be NULL: alone.
 */
void vc_turn_take(const vc_turns *turns, double *sums, size_t count);
void vc_turn_pass(const vc_turns *turns, const double *sums, size_t count);
/* At the end: what the last batch's process has gets into the sums of all. */
vc_status vc_turns_share(const vc_turns *turns, double *sums, size_t count);

#ifdef __cplusplus
}
#endif

#endif
