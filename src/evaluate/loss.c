#include "vitcod/loss.h"

#include <assert.h>
#include <math.h>

int32_t vc_first_class(const float *logits, size_t classes)
{
    size_t first = 0;
    for (size_t c = 1; c < classes; c++)
        first = logits[c] > logits[first] ? c : first;
    return (int32_t)first;
}

size_t vc_rank_of(const float *x, size_t classes, size_t label)
{
    size_t before = 0;
    for (size_t c = 0; c < classes; c++)
        before += c != label && (!(x[c] <= x[label]) || (c < label && x[c] == x[label]));
    return before;
}

vc_loss vc_cross_entropy_mixed(float *dlogits, const float *logits, const vc_labels *labels,
                               size_t batch, size_t classes, float smoothing)
{
    assert(classes > 0);
    vc_loss loss = {0};
    const double off = smoothing / (double)classes, own = (1.0 - smoothing) * labels->lambda,
                 others = (1.0 - smoothing) * (1.0 - labels->lambda);
    for (size_t b = 0; b < batch; b++) {
        const float *x = logits + b * classes;
        size_t label = (size_t)labels->own[b], partner = (size_t)labels->partners[b],
               before = vc_rank_of(x, classes, label);
        double highest = -INFINITY, sum = 0.0, total = 0.0;
        for (size_t c = 0; c < classes; c++)
            highest = x[c] > highest ? x[c] : highest;
        for (size_t c = 0; c < classes; c++)
            sum += exp(x[c] - highest);
        /* cppcheck-suppress invalidFunctionArg; the highest logit alone adds 1 to the sum */
        double log_sum = highest + log(sum);
        for (size_t c = 0; c < classes; c++) {
            const double target = off + (c == label ? own : 0.0) + (c == partner ? others : 0.0);
            total += target * (log_sum - x[c]);
            if (dlogits)
                dlogits[b * classes + c] = (float)((exp(x[c] - log_sum) - target) / (double)batch);
        }
        loss.task += total / (double)batch;
        loss.top1 += before == 0;
        loss.top5 += before < 5;
    }
    return loss;
}

vc_loss vc_cross_entropy(float *dlogits, const float *logits, const int32_t *labels, size_t batch,
                         size_t classes, float smoothing)
{
    const vc_labels plain = {labels, labels, 1.0};
    return vc_cross_entropy_mixed(dlogits, logits, &plain, batch, classes, smoothing);
}

static double log_sum(const float *x, size_t classes, double temperature)
{
    double highest = -INFINITY, sum = 0.0;
    for (size_t c = 0; c < classes; c++)
        highest = x[c] > highest ? x[c] : highest;
    for (size_t c = 0; c < classes; c++)
        sum += exp((x[c] - highest) / temperature);
    /* cppcheck-suppress invalidFunctionArg; the highest logit alone adds 1 to the sum */
    return highest / temperature + log(sum);
}

double vc_distillation(float *dlogits, const float *logits, const float *teacher, size_t batch,
                       size_t classes, double weight, double temperature)
{
    double total = 0.0;
    for (size_t b = 0; b < batch; b++) {
        const float *x = logits + b * classes, *t = teacher + b * classes;
        float *dx = dlogits ? dlogits + b * classes : NULL;
        double student_sum = log_sum(x, classes, temperature);
        double teacher_sum = log_sum(t, classes, temperature);
        for (size_t c = 0; c < classes; c++) {
            double have = x[c] / temperature - student_sum, want = t[c] / temperature - teacher_sum;
            total += exp(want) * (want - have);
            if (dx)
                dx[c] = (float)((1.0 - weight) * dx[c] +
                                weight * temperature * (exp(have) - exp(want)) / (double)batch);
        }
    }
    return total * temperature * temperature / (double)batch;
}

double vc_cosine_distance(float *doutputs, const float *outputs, const float *teacher, size_t batch,
                          size_t values, double weight)
{
    double total = 0.0;
    for (size_t b = 0; b < batch; b++) {
        const float *x = outputs + b * values, *t = teacher + b * values;
        float *dx = doutputs ? doutputs + b * values : NULL;
        double xx = 0.0, tt = 0.0, xt = 0.0;
        for (size_t i = 0; i < values; i++) {
            xx += (double)x[i] * x[i];
            tt += (double)t[i] * t[i];
            xt += (double)x[i] * t[i];
        }
        const double length = sqrt(xx * tt), cosine = length > 0.0 ? xt / length : 0.0;
        total += 1.0 - cosine; /* a NaN stays one */
        if (!isfinite(length))
            total = NAN;
        for (size_t i = 0; dx && i < values; i++) {
            const double slope = length > 0.0 ? cosine * x[i] / xx - t[i] / length : 0.0;
            dx[i] = (float)((1.0 - weight) * dx[i] + weight * slope / (double)batch);
        }
    }
    return total / (double)batch;
}

double vc_hard_distillation(float *dlogits, const float *logits, const float *teacher, size_t batch,
                            size_t classes, double weight)
{
    double total = 0.0;
    for (size_t b = 0; b < batch; b++) {
        const float *x = logits + b * classes;
        float *dx = dlogits ? dlogits + b * classes : NULL;
        const size_t first = (size_t)vc_first_class(teacher + b * classes, classes);
        const double sum = log_sum(x, classes, 1.0);
        total += sum - x[first];
        for (size_t c = 0; dx && c < classes; c++)
            dx[c] = (float)((1.0 - weight) * dx[c] +
                            weight * (exp(x[c] - sum) - (c == first)) / (double)batch);
    }
    return total / (double)batch;
}

vc_loss vc_two_head_loss(float *dheads, const float *heads, const vc_labels *labels,
                         const vc_teaching *t, size_t batch, size_t classes, float smoothing)
{
    const size_t count = batch * classes;
    float *first = dheads, *second = dheads ? dheads + count : NULL;
    vc_loss loss = vc_cross_entropy_mixed(first, heads, labels, batch, classes, smoothing);
    for (size_t i = 0; first && i < count; i++) {
        first[i] *= (float)(1.0 - t->share);
        second[i] = 0.0f;
    }
    loss.distillation =
        t->hard ? vc_hard_distillation(second, heads + count, t->logits, batch, classes, t->share)
                : vc_distillation(second, heads + count, t->logits, batch, classes, t->share,
                                  t->temperature);
    return loss;
}
