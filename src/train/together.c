#include "together.h"

#include <stdlib.h>
#include <string.h>

#include "vitcod/comm.h"

enum { LEAST = 1 << 18 /* floats that are worth a sum of their own */ };

static void begin_sum(void *context, size_t from)
{
    vc__together *t = context;
    if (t->ranks == 1 || t->total || (from > 0 && t->begun - from < LEAST))
        return;
    vc_comm_sum_begin(t->values + from, t->begun - from);
    t->begun = from;
}

vc_status vc__together_open(vc__together *out, vc_grads *grads, const vc_model *model, size_t parts,
                            const volatile sig_atomic_t *interrupted)
{
    *out = (vc__together){.ranks = (size_t)vc_comm_size(),
                          .parts = parts,
                          .values = grads->values,
                          .count = model->value_count,
                          .interrupted = interrupted};
    grads->on_ready = begin_sum;
    grads->context = out;
    if (parts <= 1)
        return VC_OK;
    out->total = calloc(out->count, sizeof *out->total);
    out->losses = calloc(parts * VC__TOGETHER_SUMS, sizeof *out->losses);
    return out->total && out->losses ? VC_OK
                                     : vc_fail(VC_ENOMEM, "out of memory for gradients of parts");
}

void vc__together_close(vc__together *together)
{
    free(together->total);
    free(together->losses);
    *together = (vc__together){0};
}

size_t vc__together_own(const vc__together *t)
{
    return t->parts > 1 ? t->parts / t->ranks : 1;
}

static vc_status note_lost(vc__together *t, vc_status status)
{
    t->lost = status != VC_OK;
    return status;
}

vc_status vc__together_begin(vc__together *t, vc_acts *acts, const vc_model *model)
{
    t->begun = t->count;
    if (t->ranks == 1 || t->total)
        return VC_OK;
    return note_lost(
        t, vc_comm_sum(acts->distances, 2 * vc_model_layers(&model->config), t->interrupted));
}

/* With losses as means over all of `n` parts. */
static void put_losses(double *sums, const vc__together *t, const vc_loss *loss, double n)
{
    sums[0] = loss->task / n;
    sums[1] = loss->distillation / n;
    sums[2] = loss->features / n;
    sums[3] = loss->attention / n;
    sums[4] = (double)loss->top1;
    sums[5] = (double)loss->top5;
    sums[6] = t->interrupted && *t->interrupted ? 1.0 : 0.0;
}

static void take_losses(vc_loss *loss, int *stop, const double *sums)
{
    *loss = (vc_loss){.task = sums[0],
                      .distillation = sums[1],
                      .features = sums[2],
                      .attention = sums[3],
                      .reconstruction = loss->reconstruction,
                      .top1 = (size_t)sums[4],
                      .top5 = (size_t)sums[5]};
    *stop = sums[6] > 0.0;
}

/* Part by part; the losses are a sum over processes of which each has its own, the others 0. */
static vc_status end_part(vc__together *t, vc_loss *loss, int *stop)
{
    const size_t part = t->part * t->ranks + (size_t)vc_comm_rank();
    double sums[VC__TOGETHER_SUMS] = {0};
    put_losses(t->losses + part * VC__TOGETHER_SUMS, t, loss, (double)t->parts);
    vc_comm_add_in_order(t->total, t->values, t->count);
    if (++t->part < vc__together_own(t))
        return VC_OK;
    t->part = 0;
    vc_comm_complete(t->total, t->count);
    memcpy(t->values, t->total, t->count * sizeof *t->values);
    memset(t->total, 0, t->count * sizeof *t->total);
    VC_TRY(note_lost(t, vc_comm_sum(t->losses, t->parts * VC__TOGETHER_SUMS, t->interrupted)));
    for (size_t i = 0; i < t->parts * VC__TOGETHER_SUMS; i++)
        sums[i % VC__TOGETHER_SUMS] += t->losses[i];
    memset(t->losses, 0, t->parts * VC__TOGETHER_SUMS * sizeof *t->losses);
    take_losses(loss, stop, sums);
    return VC_OK;
}

vc_status vc__together_end(vc__together *t, vc_loss *loss, int *stop)
{
    if (t->total)
        return end_part(t, loss, stop);
    put_losses(t->sums, t, loss, (double)t->ranks);
    if (t->begun > 0) /* gradients that the backward pass did not report */
        begin_sum(t, 0);
    VC_TRY(note_lost(t, vc_comm_sum_end(t->interrupted)));
    VC_TRY(note_lost(t, vc_comm_sum(t->sums, VC__TOGETHER_SUMS, t->interrupted)));
    take_losses(loss, stop, t->sums);
    return VC_OK;
}

vc_status vc__together_settle(vc__together *t, vc_model *model)
{
    for (size_t p = 0; t->ranks > 1 && p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        for (size_t i = 0; param->statistic && i < param->count; i++)
            param->data[i] /= (float)t->ranks;
        if (param->statistic)
            vc_comm_sum_begin(param->data, param->count);
    }
    return t->ranks > 1 ? note_lost(t, vc_comm_sum_end(t->interrupted)) : VC_OK;
}
