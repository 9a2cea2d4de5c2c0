/* Finding the panel that makes a head cheapest. */
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

typedef struct column {
    size_t place, kept; /* place: position in the head's sequence */
    int32_t index;
} column;

static int fullest_first(const void *a, const void *b)
{
    const column *x = a, *y = b;
    if (x->kept != y->kept)
        return x->kept < y->kept ? 1 : -1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* The cost of a panel: scores are computed for whole blocks of keys, the output only for existing
 * keys. */
static double panel_cost(size_t queries, size_t keys, const vc_split_costs *costs)
{
    const size_t wide = vc_panel_blocks(keys) * VC_PANEL;
    return costs->panel_entry * (double)queries * 0.5 * (double)(wide + keys);
}

/* How many columns, those with the most kept entries first, make the cheapest panel. The summaries
 * are in every panel. */
static size_t cheapest_panel(const column *columns, size_t queries, size_t keys, size_t summaries,
                             const vc_split_costs *costs)
{
    size_t best = keys, left = 0;
    double least = panel_cost(queries, keys + summaries, costs);
    for (size_t i = keys; i-- > 0;) {
        left += columns[i].kept;
        const double cost = panel_cost(queries, i + summaries, costs) +
                            costs->row_entry * (double)left +
                            (left ? costs->row * (double)queries : 0.0);
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    return best;
}

vc_status vc__choose_panel(uint8_t *inside, const int32_t *column_start, const int32_t *sequence,
                           size_t queries, size_t keys, size_t summaries,
                           const vc_split_costs *costs)
{
    column *columns = malloc(keys * sizeof *columns);
    if (!columns)
        return vc_fail(VC_ENOMEM, "out of memory for attention of %zu keys", keys);
    for (size_t i = 0; i < keys; i++) {
        const int32_t j = sequence[i];
        columns[i] = (column){i, (size_t)(column_start[j + 1] - column_start[j]), j};
    }
    qsort(columns, keys, sizeof *columns, fullest_first);
    const size_t count = cheapest_panel(columns, queries, keys, summaries, costs);
    memset(inside, 0, keys);
    for (size_t i = 0; i < count; i++)
        inside[columns[i].index] = 1;
    free(columns);
    return VC_OK;
}
