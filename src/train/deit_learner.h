#ifndef VC_DEIT_LEARNER_H
#define VC_DEIT_LEARNER_H

#include "learner.h"

vc_distances vc__deit_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                               size_t batch, float reconstruction, const vc_lesson *lesson);

#endif
