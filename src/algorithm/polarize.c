#include "vitcod/polarize.h"

#include <stdio.h>
#include <stdlib.h>

static void swap(int32_t *order, size_t i, size_t j)
{
    int32_t kept = order[i];
    order[i] = order[j];
    order[j] = kept;
}

static size_t column_kept(const uint8_t *pruned, size_t queries, size_t keys, size_t column)
{
    size_t kept = 0;
    for (size_t q = 0; q < queries; q++)
        kept += !pruned[q * keys + column];
    return kept;
}

static void order_head(int32_t *query_order, int32_t *key_order, int32_t *globals,
                       const uint8_t *pruned, size_t queries, size_t keys, size_t threshold)
{
    for (size_t i = 0; i < queries; i++)
        query_order[i] = (int32_t)i;
    for (size_t i = 0; i < keys; i++)
        key_order[i] = (int32_t)i;
    size_t found = 0;
    for (size_t g = 0; g < keys; g++) {
        if (column_kept(pruned, queries, keys, g) <= threshold)
            continue;
        swap(key_order, found, g);
        if (queries == keys)
            swap(query_order, found, g);
        found++;
    }
    *globals = (int32_t)found;
}

vc_status vc_polarize(vc_plan *out, const vc_mask *mask, size_t threshold, const char *path)
{
    *out = (vc_plan){0};
    VC_TRY(vc_mask_check_rows(mask, path));
    size_t heads = mask->layers * mask->heads, queries = mask->queries, keys = mask->keys;
    vc_token_order order = {.queries = malloc(heads * queries * sizeof(int32_t)),
                            .keys = malloc(heads * keys * sizeof(int32_t)),
                            .globals = malloc(heads * sizeof(int32_t))};
    vc_status status = VC_OK;
    if (!order.queries || !order.keys || !order.globals)
        status = vc_fail(VC_ENOMEM, "out of memory for the order of %zu heads", heads);
    for (size_t h = 0; status == VC_OK && h < heads; h++)
        order_head(order.queries + h * queries, order.keys + h * keys, order.globals + h,
                   mask->pruned + h * queries * keys, queries, keys, threshold);
    if (status == VC_OK)
        status = vc_plan_assemble(out, mask, &order, threshold);
    free(order.queries);
    free(order.keys);
    free(order.globals);
    return status;
}

/* The threshold for a group, in proportion to its queries. A threshold above the number of queries
 * acts like that number, since no column keeps more entries. */
static size_t threshold_of_group(size_t threshold, const vc_mask *mask, const vc_mask *first)
{
    size_t most = threshold < first->queries ? threshold : first->queries;
    return most * mask->queries / first->queries;
}

vc_status vc_polarize_groups(vc_plan *out, const vc_mask *masks, size_t count, size_t threshold,
                             const char *path)
{
    *out = (vc_plan){.threshold = threshold};
    vc_status status = VC_OK;
    for (size_t g = 0; status == VC_OK && g < count; g++) {
        vc_plan part;
        char which[4200];
        int length = snprintf(which, sizeof which, "%s", path);
        if (count > 1 && length < (int)sizeof which)
            snprintf(which + length, sizeof which - (size_t)length, ": group %zu", g);
        status = vc_polarize(&part, &masks[g], threshold_of_group(threshold, &masks[g], &masks[0]),
                             which);
        if (status == VC_OK)
            status = vc_plan_append(out, &part);
    }
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}
