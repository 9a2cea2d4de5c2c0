/* What calibration learns by, unless told otherwise. */
#include "distill_options.h"

#include <math.h>

vc_distill_options vc_distill_options_default(void)
{
    vc_distill_options o = {.train = vc_train_options_default(),
                            .bias_learning_rate = NAN,
                            .coder_learning_rate = NAN,
                            .look = vc_look_default(),
                            .stage_epochs = 1,
                            .patience = 6};
    vc_train_options *t = &o.train;
    t->epochs = 20;
    t->batch = 16;
    t->learning_rate = NAN;
    t->weight_decay = 0.0;
    t->min_learning_rate = 0.0;
    t->warmup_epochs = 1.0;
    t->distillation = 1.0; /* there are no labels */
    t->features = 160.0;
    t->bias_rate = t->query_rate = t->coder_rate = 10.0;
    t->label_smoothing = 0.0;
    t->augment = (vc_augment_options){.crop_least = 0.25,
                                      .crop_most = 1.0,
                                      .aspect_least = 3.0 / 4.0,
                                      .aspect_most = 4.0 / 3.0,
                                      .flip = 0.5,
                                      .mixup = 1.0};
    return o;
}

double vc_distill_learning_rate(double divergence)
{
    /* A divergence that is no number stays one, which training refuses. */
    const double rate = 2e-4 * divergence;
    return rate < 5e-5 ? 5e-5 : rate > 2e-4 ? 2e-4 : rate;
}

/* A rate as a factor of the highest one. */
static double factor(double usual, double rate, double highest)
{
    return isnan(rate) ? usual : rate > 0.0 ? rate / highest : 0.0;
}

vc_train_options vc__distill_training(const vc_distill_options *options, const vc_model *student,
                                      double divergence)
{
    vc_train_options t = options->train;
    /* The dense model is run by its running statistics, which the student begins with. */
    t.settled =
        vc_model_observes_apart(&student->config) && vc_model_observes_settled(&student->config);
    if (isnan(t.learning_rate))
        t.learning_rate = vc_distill_learning_rate(divergence);
    t.warmup_learning_rate = fmin(t.warmup_learning_rate, t.learning_rate);
    t.bias_rate = factor(t.bias_rate, options->bias_learning_rate, t.learning_rate);
    t.coder_rate = factor(t.coder_rate, options->coder_learning_rate, t.learning_rate);
    return t;
}
