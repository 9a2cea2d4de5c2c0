#include "together.h"

#include "vitcod/comm.h"

enum { LEAST = 1 << 18 /* floats that are worth a sum of their own */ };

static void begin_sum(void *context, size_t from)
{
    vc__together *t = context;
    if (t->ranks == 1 || (from > 0 && t->begun - from < LEAST))
        return;
    vc_comm_sum_begin(t->values + from, t->begun - from);
    t->begun = from;
}

void vc__together_open(vc__together *out, vc_grads *grads, const vc_model *model,
                       const volatile sig_atomic_t *interrupted)
{
    *out = (vc__together){.ranks = (size_t)vc_comm_size(),
                          .values = grads->values,
                          .count = model->value_count,
                          .interrupted = interrupted};
    grads->on_ready = begin_sum;
    grads->context = out;
}

static vc_status note_lost(vc__together *t, vc_status status)
{
    t->lost = status != VC_OK;
    return status;
}

vc_status vc__together_begin(vc__together *t, vc_acts *acts, const vc_model *model)
{
    t->begun = t->count;
    if (t->ranks == 1)
        return VC_OK;
    return note_lost(
        t, vc_comm_sum(acts->distances, 2 * vc_model_layers(&model->config), t->interrupted));
}

vc_status vc__together_end(vc__together *t, vc_loss *loss, int *stop)
{
    const double n = (double)t->ranks;
    double *sums = t->sums;
    sums[0] = loss->task / n;
    sums[1] = loss->distillation / n;
    sums[2] = loss->features / n;
    sums[3] = loss->attention / n;
    sums[4] = (double)loss->top1;
    sums[5] = (double)loss->top5;
    sums[6] = t->interrupted && *t->interrupted ? 1.0 : 0.0;
    if (t->begun > 0) /* gradients that the backward pass did not report */
        begin_sum(t, 0);
    VC_TRY(note_lost(t, vc_comm_sum_end(t->interrupted)));
    VC_TRY(note_lost(t, vc_comm_sum(sums, VC__TOGETHER_SUMS, t->interrupted)));
    *loss = (vc_loss){.task = sums[0],
                      .distillation = sums[1],
                      .features = sums[2],
                      .attention = sums[3],
                      .reconstruction = loss->reconstruction,
                      .top1 = (size_t)sums[4],
                      .top5 = (size_t)sums[5]};
    *stop = sums[6] > 0.0;
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
