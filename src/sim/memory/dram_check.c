/* Looks at commands alone: every gap that the timing wants, and the state of every bank (eq. C4).
 * Shares nothing with what chose them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory_impl.h"

typedef enum scope { SAME_BANK, SAME_GROUP, SAME_RANK, OTHER_RANK, SCOPES } scope;

typedef struct rule {
    vc_dram_kind before, after;
    scope scope;
    uint64_t gap;
    const char *name;
} rule;

enum { MOST_RULES = 40 };

static size_t make_rules(rule *rules, const vc_dram_config *c)
{
    const vc_dram_timing *t = &c->timing;
    const uint64_t written = t->cwl + t->burst, turn = t->cl + t->burst + 2 - t->cwl,
                   back = written + t->rank_switch,
                   refresh = (uint64_t)ceil(t->rfc_s * c->clock_hz);
    const rule all[] = {
        {VC_DRAM_ACT, VC_DRAM_RD, SAME_BANK, t->rcd, "tRCD"},
        {VC_DRAM_ACT, VC_DRAM_WR, SAME_BANK, t->rcd, "tRCD"},
        {VC_DRAM_ACT, VC_DRAM_PRE, SAME_BANK, t->ras, "tRAS"},
        {VC_DRAM_ACT, VC_DRAM_ACT, SAME_BANK, t->rc, "tRC"},
        {VC_DRAM_PRE, VC_DRAM_ACT, SAME_BANK, t->rp, "tRP"},
        {VC_DRAM_RD, VC_DRAM_PRE, SAME_BANK, t->rtp, "tRTP"},
        {VC_DRAM_WR, VC_DRAM_PRE, SAME_BANK, written + t->wr, "tWR"},
        {VC_DRAM_ACT, VC_DRAM_ACT, SAME_GROUP, t->rrd_l, "tRRD_L"},
        {VC_DRAM_RD, VC_DRAM_RD, SAME_GROUP, t->ccd_l, "tCCD_L"},
        {VC_DRAM_WR, VC_DRAM_WR, SAME_GROUP, t->ccd_l, "tCCD_L"},
        {VC_DRAM_WR, VC_DRAM_RD, SAME_GROUP, written + t->wtr_l, "tWTR_L"},
        {VC_DRAM_ACT, VC_DRAM_ACT, SAME_RANK, t->rrd_s, "tRRD_S"},
        {VC_DRAM_RD, VC_DRAM_RD, SAME_RANK, t->ccd_s, "tCCD_S"},
        {VC_DRAM_WR, VC_DRAM_WR, SAME_RANK, t->ccd_s, "tCCD_S"},
        {VC_DRAM_WR, VC_DRAM_RD, SAME_RANK, written + t->wtr_s, "tWTR_S"},
        {VC_DRAM_RD, VC_DRAM_WR, SAME_RANK, turn, "read to write"},
        {VC_DRAM_ACT, VC_DRAM_PREA, SAME_RANK, t->ras, "tRAS"},
        {VC_DRAM_RD, VC_DRAM_PREA, SAME_RANK, t->rtp, "tRTP"},
        {VC_DRAM_WR, VC_DRAM_PREA, SAME_RANK, written + t->wr, "tWR"},
        {VC_DRAM_PREA, VC_DRAM_ACT, SAME_RANK, t->rp, "tRP"},
        {VC_DRAM_PREA, VC_DRAM_REF, SAME_RANK, t->rp, "tRP"},
        {VC_DRAM_PRE, VC_DRAM_REF, SAME_RANK, t->rp, "tRP"},
        {VC_DRAM_REF, VC_DRAM_ACT, SAME_RANK, refresh, "tRFC"},
        {VC_DRAM_REF, VC_DRAM_REF, SAME_RANK, refresh, "tRFC"},
        {VC_DRAM_RD, VC_DRAM_RD, OTHER_RANK, t->burst + t->rank_switch, "rank switch"},
        {VC_DRAM_WR, VC_DRAM_WR, OTHER_RANK, t->burst + t->rank_switch, "rank switch"},
        {VC_DRAM_RD, VC_DRAM_WR, OTHER_RANK, turn + t->rank_switch, "rank switch"},
        {VC_DRAM_WR, VC_DRAM_RD, OTHER_RANK, back > t->cl ? back - t->cl : 1, "rank switch"},
    };
    _Static_assert(sizeof all / sizeof *all <= MOST_RULES, "room for all rules");
    memcpy(rules, all, sizeof all);
    return sizeof all / sizeof *all;
}

/* One channel so far: clock + 1 of the latest command of each kind; 0: none yet. */
typedef struct past {
    uint64_t *bank, *group, *rank; /* (banks or groups or ranks, kinds) */
    int64_t *row;                  /* (banks), -1: closed */
    uint64_t *acts;                /* (ranks, 4), clock + 1 */
    uint64_t *act_count;           /* (ranks) */
} past;

typedef struct checker {
    const vc_dram_config *c;
    rule rules[MOST_RULES];
    size_t rule_count;
    past p;
    void *room;
    size_t groups, banks; /* of a channel */
} checker;

static int by_clock(const void *a, const void *b)
{
    const vc_dram_command *x = a, *y = b;
    if (x->channel != y->channel)
        return x->channel < y->channel ? -1 : 1;
    if (x->clock != y->clock)
        return x->clock < y->clock ? -1 : 1;
    /* What closes comes before what opens. */
    const int x_opens = x->kind == VC_DRAM_ACT, y_opens = y->kind == VC_DRAM_ACT;
    return x_opens - y_opens;
}

static vc_status too_close(const vc_dram_command *x, const char *name, uint64_t found, uint64_t gap)
{
    static const char *const names[] = {
#define VC_DRAM_NAME(name, text) text,
        VC_DRAM_COMMAND_MAP(VC_DRAM_NAME)
#undef VC_DRAM_NAME
    };
    return vc_fail(
        VC_EINVAL,
        "clock %zu: %s in channel %u rank %u group %u bank %u row %u comes %zu clocks after the "
        "command before, %s wants %zu",
        (size_t)x->clock, names[x->kind], x->channel, x->rank, x->group, x->bank, x->row,
        (size_t)found, name, (size_t)gap);
}

static uint64_t latest(const checker *k, const rule *r, size_t rank, size_t group, size_t bank)
{
    if (r->scope == SAME_BANK)
        return k->p.bank[bank * VC_DRAM_KINDS + r->before];
    if (r->scope == SAME_GROUP)
        return k->p.group[group * VC_DRAM_KINDS + r->before];
    if (r->scope == SAME_RANK)
        return k->p.rank[rank * VC_DRAM_KINDS + r->before];
    uint64_t last = 0;
    for (size_t other = 0; other < k->c->ranks; other++)
        if (other != rank && k->p.rank[other * VC_DRAM_KINDS + r->before] > last)
            last = k->p.rank[other * VC_DRAM_KINDS + r->before];
    return last;
}

static vc_status check_state(const checker *k, const vc_dram_command *x, size_t bank)
{
    const int64_t open = k->p.row[bank];
    const size_t first = x->rank * k->c->bank_groups * k->c->banks;
    int closed = 1;
    for (size_t b = first; b < first + k->c->bank_groups * k->c->banks; b++)
        closed = closed && k->p.row[b] < 0;
    if ((x->kind == VC_DRAM_RD || x->kind == VC_DRAM_WR) && open != (int64_t)x->row)
        return vc_fail(VC_EINVAL, "clock %zu: row %u of bank %zu is wanted, and %lld is open",
                       (size_t)x->clock, x->row, bank, (long long)open);
    if (x->kind == VC_DRAM_ACT && open >= 0)
        return vc_fail(VC_EINVAL, "clock %zu: bank %zu is opened, and is open already",
                       (size_t)x->clock, bank);
    if (x->kind == VC_DRAM_REF && !closed)
        return vc_fail(VC_EINVAL, "clock %zu: rank %u is refreshed with open banks",
                       (size_t)x->clock, x->rank);
    return VC_OK;
}

static void remember(checker *k, const vc_dram_command *x, size_t group, size_t bank)
{
    const uint64_t at = x->clock + 1;
    const size_t per_rank = k->c->bank_groups * k->c->banks, first = x->rank * per_rank;
    if (x->kind != VC_DRAM_PREA && x->kind != VC_DRAM_REF) {
        k->p.bank[bank * VC_DRAM_KINDS + x->kind] = at;
        k->p.group[group * VC_DRAM_KINDS + x->kind] = at;
    }
    k->p.rank[x->rank * VC_DRAM_KINDS + x->kind] = at;
    if (x->kind == VC_DRAM_ACT) {
        k->p.row[bank] = (int64_t)x->row;
        k->p.acts[x->rank * 4 + k->p.act_count[x->rank]++ % 4] = at;
    } else if (x->kind == VC_DRAM_PRE)
        k->p.row[bank] = -1;
    else if (x->kind == VC_DRAM_PREA)
        for (size_t b = first; b < first + per_rank; b++)
            k->p.row[b] = -1;
}

static vc_status check_command(checker *k, const vc_dram_command *x)
{
    const size_t group = x->rank * k->c->bank_groups + x->group,
                 bank = group * k->c->banks + x->bank;
    for (size_t i = 0; i < k->rule_count; i++) {
        const rule *r = &k->rules[i];
        const uint64_t before = r->after == x->kind ? latest(k, r, x->rank, group, bank) : 0;
        if (before && x->clock - (before - 1) < r->gap)
            return too_close(x, r->name, x->clock - (before - 1), r->gap);
    }
    if (x->kind == VC_DRAM_ACT && k->p.act_count[x->rank] >= 4) {
        const uint64_t fourth = k->p.acts[x->rank * 4 + k->p.act_count[x->rank] % 4] - 1;
        if (x->clock - fourth < k->c->timing.faw)
            return too_close(x, "tFAW", x->clock - fourth, k->c->timing.faw);
    }
    VC_TRY(check_state(k, x, bank));
    remember(k, x, group, bank);
    return VC_OK;
}

static void forget(checker *k)
{
    const size_t ranks = k->c->ranks;
    memset(k->room, 0,
           sizeof(uint64_t) *
               ((k->banks + k->groups + ranks) * VC_DRAM_KINDS + k->banks + ranks * 5));
    k->p.bank = k->room;
    k->p.group = k->p.bank + k->banks * VC_DRAM_KINDS;
    k->p.rank = k->p.group + k->groups * VC_DRAM_KINDS;
    k->p.acts = k->p.rank + ranks * VC_DRAM_KINDS;
    k->p.act_count = k->p.acts + ranks * 4;
    k->p.row = (int64_t *)(k->p.act_count + ranks);
    for (size_t b = 0; b < k->banks; b++)
        k->p.row[b] = -1;
}

vc_status vc_dram_check(vc_dram_command *commands, size_t count, const vc_dram_config *c)
{
    VC_TRY(vc__dram_config_check(c));
    checker k = {.c = c, .groups = c->ranks * c->bank_groups};
    k.banks = k.groups * c->banks;
    k.rule_count = make_rules(k.rules, c);
    k.room = calloc((k.banks + k.groups + c->ranks) * VC_DRAM_KINDS + k.banks + c->ranks * 5,
                    sizeof(uint64_t));
    if (!k.room)
        return vc_fail(VC_ENOMEM, "out of memory");
    qsort(commands, count, sizeof *commands, by_clock);
    vc_status status = VC_OK;
    for (size_t i = 0; i < count && status == VC_OK; i++) {
        if (i == 0 || commands[i].channel != commands[i - 1].channel)
            forget(&k);
        status = check_command(&k, &commands[i]);
    }
    free(k.room);
    return status;
}
