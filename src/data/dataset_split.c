#include <stdlib.h>
#include <string.h>

#include "vitcod/data.h"

/* Of the first `count` images; a hair more, so that a fifth is every fifth. */
static size_t taken(size_t count, double share)
{
    return (size_t)((double)count * share + 1e-9);
}

vc_status vc_dataset_split(vc_dataset *first, vc_dataset *second, const vc_dataset *all,
                           double share)
{
    const size_t values = all->channels * all->height * all->width;
    vc_dataset *sides[2] = {first, second};
    for (int i = 0; i < 2; i++) {
        *sides[i] = *all;
        sides[i]->path = NULL;
        sides[i]->count = 0;
        sides[i]->images = malloc(all->count * values + 1);
        sides[i]->labels = malloc((all->count + 1) * sizeof(int32_t));
    }
    if (!first->images || !first->labels || !second->images || !second->labels) {
        vc_dataset_close(first);
        vc_dataset_close(second);
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", all->count);
    }
    for (size_t i = 0; i < all->count; i++) {
        vc_dataset *to = sides[taken(i + 1, share) > taken(i, share)];
        memcpy(to->images + to->count * values, all->images + i * values, values);
        to->labels[to->count++] = all->labels[i];
    }
    return VC_OK;
}
