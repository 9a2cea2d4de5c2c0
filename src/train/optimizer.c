#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/kernels.h"
#include "vitcod/train.h"

vc_train_options vc_train_options_default(void)
{
    return (vc_train_options){.epochs = 10,
                              .batch = 64,
                              .learning_rate = 1e-3,
                              .min_learning_rate = 1e-5,
                              .warmup_learning_rate = 1e-6,
                              .warmup_epochs = 1.0,
                              .weight_decay = 0.05,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .eps = 1e-8,
                              .bias_rate = 1.0,
                              .coder_rate = 1.0,
                              .query_rate = 1.0,
                              .label_smoothing = 0.1,
                              .clip = 1.0,
                              .reconstruction = 1e-4,
                              .distillation = 0.5,
                              .temperature = 1.0,
                              .activations = VC_KEEP_ALL,
                              .logits = 1.0,
                              .augment = {.shift = 2, .flip = 0.5},
                              .repetitions = 1,
                              .keep = 1};
}

double vc_learning_rate(const vc_train_options *o, double epoch)
{
    if (epoch < o->warmup_epochs)
        return o->warmup_learning_rate +
               (o->learning_rate - o->warmup_learning_rate) * epoch / o->warmup_epochs;
    double span = (double)o->epochs - o->warmup_epochs;
    double part = span > 0.0 ? (epoch - o->warmup_epochs) / span : 1.0;
    return o->min_learning_rate + 0.5 * (o->learning_rate - o->min_learning_rate) *
                                      (1.0 + cos(3.141592653589793 * (part < 1.0 ? part : 1.0)));
}

vc_status vc_optimizer_open(vc_optimizer *out, const vc_model *model)
{
    *out = (vc_optimizer){.m = calloc(model->value_count, sizeof(float)),
                          .v = calloc(model->value_count, sizeof(float))};
    if (out->m && out->v)
        return VC_OK;
    vc_optimizer_close(out);
    return vc_fail(VC_ENOMEM, "out of memory for the optimiser's state");
}

vc_status vc_optimizer_average(vc_optimizer *optimizer, const vc_model *model)
{
    const size_t bytes = model->value_count * sizeof(float);
    optimizer->average = malloc(bytes);
    if (!optimizer->average)
        return vc_fail(VC_ENOMEM, "out of memory for the parameters' moving average");
    memcpy(optimizer->average, model->values, bytes);
    return VC_OK;
}

void vc_optimizer_close(vc_optimizer *optimizer)
{
    free(optimizer->m);
    free(optimizer->v);
    free(optimizer->average);
    *optimizer = (vc_optimizer){0};
}

static double gradient_norm(const float *grads, size_t count)
{
    enum { PARTS = 64 }; /* partial sums, added in order: threads do not matter */
    double parts[PARTS];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++) {
        double sum = 0.0;
        for (size_t i = count * p / PARTS; i < count * (p + 1) / PARTS; i++)
            sum += (double)grads[i] * grads[i];
        parts[p] = sum;
    }
    double total = 0.0;
    for (size_t p = 0; p < PARTS; p++)
        total += parts[p];
    return sqrt(total);
}

static void average(float *out, const float *values, size_t count, float decay)
{
    for (size_t i = 0; i < count; i++)
        out[i] = decay * out[i] + (1.0f - decay) * values[i];
}

/* The factor of the learning rate. */
static double rate_of(const vc_param *param, const vc_train_options *o)
{
    switch (param->origin) {
    case VC_OF_SUMMARY_BIAS:
        return o->bias_rate;
    case VC_OF_POOLING:
        return o->pooling_rate;
    case VC_OF_POOL_QUERY:
        return o->query_rate;
    case VC_OF_FAMILY:
        break;
    }
    return param->autoencoder ? o->coder_rate : 1.0;
}

double vc_optimizer_step(vc_optimizer *optimizer, vc_model *model, const vc_grads *grads,
                         const vc_train_options *o, double learning_rate)
{
    const vc_kernels *kernels = vc_kernels_get();
    double norm = gradient_norm(grads->values, model->value_count);
    if (!isfinite(norm))
        return norm;
    double t = (double)++optimizer->steps;
    vc_adamw_coefficients c = {
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .eps = (float)o->eps,
        .correction1 = (float)(1.0 / (1.0 - pow(o->beta1, t))),
        .correction2 = (float)(1.0 / (1.0 - pow(o->beta2, t))),
        .grad_scale = o->clip > 0.0 && norm > o->clip ? (float)(o->clip / (norm + 1e-6)) : 1.0f};
#pragma omp parallel for schedule(dynamic) firstprivate(c)
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        const double rate = rate_of(p, o);
        c.weight_decay = p->decay ? (float)o->weight_decay : 0.0f;
        c.learning_rate = (float)(rate * learning_rate);
        if (!p->statistic && rate > 0.0)
            kernels->adamw_step(model->values + p->offset, optimizer->m + p->offset,
                                optimizer->v + p->offset, grads->values + p->offset, p->count, &c);
        if (optimizer->average)
            average(optimizer->average + p->offset, model->values + p->offset, p->count,
                    (float)o->ema);
    }
    return norm;
}
