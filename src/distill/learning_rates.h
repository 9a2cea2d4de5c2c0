/* How fast a sparse model learns. */
#ifndef VC_DISTILL_LEARNING_RATES_H
#define VC_DISTILL_LEARNING_RATES_H

#include "vitcod/distill.h"

/* The options' training, with the learning rates that are meant for a model that begins so far from
 * its teacher. */
vc_train_options vc__distill_training(const vc_distill_options *options, double divergence);

#endif
