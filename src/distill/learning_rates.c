#include "learning_rates.h"

#include <math.h>

double vc_distill_learning_rate(double divergence)
{
    return fmin(fmax(2e-4 * divergence, 5e-5), 2e-4);
}

/* A rate as a factor of the highest one. */
static double factor(double usual, double rate, double highest)
{
    return isnan(rate) ? usual : rate > 0.0 ? rate / highest : 0.0;
}

vc_train_options vc__distill_training(const vc_distill_options *options, double divergence)
{
    vc_train_options t = options->train;
    if (isnan(t.learning_rate))
        t.learning_rate = vc_distill_learning_rate(divergence);
    t.warmup_learning_rate = fmin(t.warmup_learning_rate, t.learning_rate);
    t.bias_rate = factor(t.bias_rate, options->bias_learning_rate, t.learning_rate);
    t.coder_rate = factor(t.coder_rate, options->coder_learning_rate, t.learning_rate);
    return t;
}
