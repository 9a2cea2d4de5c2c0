/* Groups of queries: which of them keep a key decides where it is listed. */
#include <stdlib.h>
#include <string.h>

#include "packed_attention_impl.h"

enum { ROWS = VC_GROUP_ROWS, SUBSETS = 1 << ROWS, MOST = VC_GROUP_KEYS, SCORED = 4, FEW = 8 };

/* The sets that kernels know. */
static const unsigned set_at[VC_GROUP_SETS] = {
#define VC_SET(index, set) [index] = (set),
    VC_GROUP_SETS_OF(VC_SET)
#undef VC_SET
};

/* A part that is being made: its keys by the queries that keep them. */
typedef struct lists {
    int32_t keys[SUBSETS][MOST];
    size_t counts[SUBSETS], used;
} lists;

/* What the groups of a head are made with, and where they go. */
typedef struct maker {
    const vc_pattern_head *head;
    size_t keys;
    lists *part;
    uint8_t *set_of; /* (Tk) which queries of the group keep a key; 0 between groups */
    uint64_t *words; /* a bit for each key that one of them keeps */
    vc_row_groups *to;
    int fills; /* 0: only counts */
} maker;

static int is_set(unsigned queries)
{
    for (size_t i = 0; i < VC_GROUP_SETS; i++)
        if (set_at[i] == queries)
            return 1;
    return 0;
}

/* A loop over few keys costs more than it saves, and kernels score four at a time. So what several
 * queries share below FEW keys or beyond a multiple of four goes to the halves of their set. */
static void split_remainders(lists *l)
{
    static const unsigned larger_first[] = {15, 7, 11, 13, 14, 3, 5, 6, 9, 10, 12};
    for (size_t i = 0; i < sizeof larger_first / sizeof *larger_first; i++) {
        const unsigned set = larger_first[i], low = set & 3u,
                       half = low == 0 || low == set ? set & (0u - set) : low;
        const size_t stay =
            is_set(set) && l->counts[set] >= FEW ? l->counts[set] / SCORED * SCORED : 0;
        while (l->counts[set] > stay) {
            const int32_t key = l->keys[set][--l->counts[set]];
            l->keys[half][l->counts[half]++] = key;
            l->keys[set - half][l->counts[set - half]++] = key;
        }
    }
}

/* Appends the part and empties the lists. */
static void end_part(const maker *m)
{
    lists *l = m->part;
    vc_row_groups *to = m->to;
    vc_group_part part = {.start = to->key_count};
    split_remainders(l);
    for (size_t i = 0; i < VC_GROUP_SETS; i++) {
        const size_t count = l->counts[set_at[i]];
        if (m->fills)
            memcpy((int32_t *)to->keys + to->key_count, l->keys[set_at[i]],
                   count * sizeof *to->keys);
        part.counts[i] = (uint16_t)count;
        to->key_count += count;
        to->set_count += count > 0;
        l->counts[set_at[i]] = 0;
    }
    if (m->fills)
        ((vc_group_part *)to->parts)[to->part_count] = part;
    to->part_count++;
    l->used = 0;
}

static void note_row(const maker *m, size_t query, unsigned bit)
{
    for (int32_t e = m->head->row_start[query]; e < m->head->row_start[query + 1]; e++) {
        const size_t key = (size_t)m->head->row_keys[e];
        m->set_of[key] |= (uint8_t)bit;
        m->words[key / 64] |= 1ull << key % 64;
    }
}

/* The parts of a group take keys in the order of their numbers. There is one even if the group has
 * none. */
static void add_group(const maker *m, size_t first, size_t rows)
{
    lists *l = m->part;
    const size_t before = m->to->part_count;
    for (size_t r = 0; r < rows; r++)
        note_row(m, first + r, 1u << r);
    for (size_t w = 0; w * 64 < m->keys; w++)
        for (; m->words[w]; m->words[w] &= m->words[w] - 1) {
            const size_t key = w * 64 + (size_t)__builtin_ctzll(m->words[w]), i = m->set_of[key];
            if (l->used == MOST)
                end_part(m);
            l->keys[i][l->counts[i]++] = (int32_t)key;
            l->used++;
            m->set_of[key] = 0;
        }
    if (l->used > 0 || m->to->part_count == before)
        end_part(m);
}

static void add_groups(maker *m, size_t queries)
{
    m->to->part_count = m->to->key_count = m->to->set_count = 0;
    for (size_t g = 0; g * ROWS < queries; g++) {
        const size_t left = queries - g * ROWS;
        if (m->fills)
            ((size_t *)m->to->part_start)[g] = m->to->part_count;
        add_group(m, g * ROWS, left < ROWS ? left : ROWS);
    }
    if (m->fills)
        ((size_t *)m->to->part_start)[(queries + ROWS - 1) / ROWS] = m->to->part_count;
}

vc_status vc__make_groups(vc_row_groups *out, const vc_pattern_head *head, size_t queries,
                          size_t keys, int fills)
{
    maker m = {.head = head,
               .keys = keys,
               .part = calloc(1, sizeof *m.part),
               .set_of = calloc(keys, 1),
               .words = calloc((keys + 63) / 64, sizeof *m.words),
               .to = out,
               .fills = fills};
    vc_status status = VC_OK;
    if (m.part && m.set_of && m.words)
        add_groups(&m, queries);
    else
        status = vc_fail(VC_ENOMEM, "out of memory for attention of %zu keys", keys);
    free(m.part);
    free(m.set_of);
    free(m.words);
    return status;
}

/* What an entry of a row costs beyond one of the panel is fetching its K and V, which a group does
 * once for each key; a set of keys is a loop as a row is. */
int vc__groups_pay(const vc_row_groups *groups, const vc_pattern_head *head, size_t queries,
                   const vc_split_costs *costs)
{
    const double entries = (double)vc_rows_count(head, queries), keys = (double)groups->key_count,
                 fetch = costs->row_entry - costs->panel_entry;
    return costs->panel_entry * entries + fetch * keys + costs->row * (double)groups->set_count <
           costs->row_entry * entries + costs->row * (double)queries;
}
