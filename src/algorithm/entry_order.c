#include "entry_order.h"

#include <stdlib.h>

typedef struct ranked {
    float score;
    int32_t entry;
    int forced;
} ranked;

static int compare(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->forced != y->forced)
        return x->forced ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->entry < y->entry ? -1 : 1;
}

static size_t force(ranked *all, size_t queries, size_t keys, size_t prefix_tokens)
{
    size_t count = 0;
    for (size_t q = 0; q < queries; q++) {
        ranked *row = all + q * keys;
        size_t highest = 0;
        for (size_t k = 1; k < keys; k++)
            highest = row[k].score > row[highest].score ? k : highest;
        for (size_t k = 0; k < keys; k++) {
            row[k].forced = prefix_tokens ? q < prefix_tokens || k < prefix_tokens : k == highest;
            count += (size_t)row[k].forced;
        }
    }
    return count;
}

vc_status vc__entry_order(int32_t *order, size_t *forced, const float *map, size_t queries,
                          size_t keys, size_t prefix_tokens)
{
    const size_t count = queries * keys;
    ranked *all = malloc(count * sizeof *all);
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory for %zu entries", count);
    for (size_t i = 0; i < count; i++)
        all[i] = (ranked){.score = map[i], .entry = (int32_t)i};
    *forced = force(all, queries, keys, prefix_tokens);
    qsort(all, count, sizeof *all, compare);
    for (size_t i = 0; i < count; i++)
        order[i] = all[i].entry;
    free(all);
    return VC_OK;
}
