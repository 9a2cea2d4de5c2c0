#include "vitcod/loss.h"

#include <math.h>
#include <stdlib.h>

typedef struct candidate {
    size_t index;
    float logit;
} candidate;

/* Descending; of equal logits the lower class comes first, as when top-1 is counted. */
static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

vc_status vc_rank_classes(vc_ranked_class *best, size_t top, const float *logits, size_t classes)
{
    candidate *order = malloc(classes * sizeof *order);
    double sum = 0.0;
    if (!order)
        return vc_fail(VC_ENOMEM, "out of memory for %zu classes", classes);
    for (size_t c = 0; c < classes; c++)
        order[c] = (candidate){c, logits[c]};
    qsort(order, classes, sizeof *order, compare_candidates);
    for (size_t c = 0; c < classes; c++)
        sum += exp((double)order[c].logit - order[0].logit);
    for (size_t i = 0; i < top; i++)
        best[i] =
            (vc_ranked_class){order[i].index, exp((double)order[i].logit - order[0].logit) / sum};
    free(order);
    return VC_OK;
}
