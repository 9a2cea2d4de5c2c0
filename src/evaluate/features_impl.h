/* Shared between the judges of features. */
#ifndef VC__FEATURES_IMPL_H
#define VC__FEATURES_IMPL_H

#include "vitcod/features.h"

vc_status vc__features_check(const vc_features *train, const vc_features *test);
/* hits: images with their class first, and among five. */
void vc__features_end(vc_feature_accuracy *out, const vc_features *train, const vc_features *test,
                      const size_t hits[2]);

#endif
