/* What a run of calibration learns by. */
#ifndef VC_DISTILL_OPTIONS_H
#define VC_DISTILL_OPTIONS_H

#include "vitcod/distill.h"

/* The options' training, with the learning rates that are meant for a model that begins so far from
 * its teacher. */
vc_train_options vc__distill_training(const vc_distill_options *options, const vc_model *student,
                                      double divergence);

#endif
