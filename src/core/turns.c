/* Sums that go from process to process, batch by batch. */
#include "vitcod/turns.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/comm.h"

enum { MOST = 1 << 22 /* doubles of a message */ };

void vc_turns_begin(vc_turns *turns, size_t samples, size_t batch, int together)
{
    turns->each = batch < samples ? batch : samples;
    turns->batches = samples > 0 ? (samples + turns->each - 1) / turns->each : 0;
    turns->rank = turns->next = together ? (size_t)vc_comm_rank() : 0;
    turns->ranks = together ? (size_t)vc_comm_size() : 1;
    turns->batch = 0;
}

static void relay_until(vc_turns *t, size_t batch)
{
    for (; t->next < batch; t->next += t->ranks) {
        t->batch = t->next;
        if (t->batch >= t->first && t->relay)
            t->relay(t->context);
    }
}

void vc_turns_reach(vc_turns *t, size_t sample)
{
    relay_until(t, sample / t->each);
    t->batch = t->next;
    t->next += t->ranks;
}

void vc_turns_end(vc_turns *t)
{
    relay_until(t, t->batches);
}

void vc_turn_take(const vc_turns *t, double *sums, size_t count)
{
    if (!t || t->ranks <= 1 || t->batch <= t->first)
        return;
    for (size_t at = 0; at < count; at += MOST) {
        const size_t some = count - at < MOST ? count - at : MOST;
        char *message;
        size_t bytes;
        vc_comm_receive(&message, &bytes, 1);
        assert(bytes == some * sizeof *sums);
        memcpy(sums + at, message, bytes);
        free(message);
    }
}

void vc_turn_pass(const vc_turns *t, const double *sums, size_t count)
{
    if (!t || t->ranks <= 1 || t->batch < t->first || t->batch + 1 == t->batches)
        return;
    for (size_t at = 0; at < count; at += MOST) {
        const size_t some = count - at < MOST ? count - at : MOST;
        vc_comm_send((int)((t->batch + 1) % t->ranks), sums + at, some * sizeof *sums);
    }
}

/* Those who do not have the sums add nothing to them. */
vc_status vc_turns_share(const vc_turns *t, double *sums, size_t count)
{
    if (t->ranks <= 1 || t->batches <= t->first || count == 0)
        return VC_OK;
    if ((t->batches - 1) % t->ranks != t->rank)
        memset(sums, 0, count * sizeof *sums);
    for (size_t at = 0; at < count; at += MOST)
        VC_TRY(vc_comm_sum(sums + at, count - at < MOST ? count - at : MOST, NULL));
    return VC_OK;
}
