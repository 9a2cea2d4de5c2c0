#include "share.h"

#include <stdlib.h>

#include "vitcod/comm.h"

vc_status vc__batch_losses_open(vc__batch_losses *out, size_t samples, size_t batch)
{
    *out = (vc__batch_losses){.count = (samples + batch - 1) / batch, .batch = batch};
    out->sums = calloc(out->count + 1, sizeof *out->sums);
    return out->sums ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu losses", out->count);
}

void vc__batch_losses_close(vc__batch_losses *losses)
{
    free(losses->sums);
    *losses = (vc__batch_losses){0};
}

double *vc__batch_losses_at(vc__batch_losses *losses, size_t sample)
{
    return &losses->sums[sample / losses->batch];
}

enum { OF_ALL = 4, OF_CLASS = 3 };

static void put(double *all, const vc_evaluation *e, const vc_class_count *counts, size_t classes)
{
    all[0] = (double)e->images;
    all[1] = (double)e->broken;
    all[2] = (double)e->top1;
    all[3] = (double)e->top5;
    for (size_t c = 0; counts && c < classes; c++) {
        double *of = all + OF_ALL + OF_CLASS * c;
        of[0] = (double)counts[c].images;
        of[1] = (double)counts[c].top1;
        of[2] = (double)counts[c].top5;
    }
}

static void take(vc_evaluation *e, vc_class_count *counts, size_t classes, const double *all)
{
    e->images = (size_t)all[0];
    e->broken = (size_t)all[1];
    e->top1 = (size_t)all[2];
    e->top5 = (size_t)all[3];
    for (size_t c = 0; counts && c < classes; c++) {
        const double *of = all + OF_ALL + OF_CLASS * c;
        counts[c] = (vc_class_count){(size_t)of[0], (size_t)of[1], (size_t)of[2]};
    }
}

vc_status vc__share_counts(vc_evaluation *e, vc_class_count *counts, size_t classes,
                           vc__batch_losses *losses)
{
    const size_t count = OF_ALL + (counts ? OF_CLASS * classes : 0);
    if (vc_comm_size() == 1)
        return VC_OK;
    double *all = malloc(count * sizeof *all);
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory for %zu counts", count);
    put(all, e, counts, classes);
    vc_status status = vc_comm_sum(all, count, NULL);
    if (status == VC_OK)
        status = vc_comm_sum(losses->sums, losses->count, NULL);
    if (status == VC_OK)
        take(e, counts, classes, all);
    free(all);
    return status;
}
