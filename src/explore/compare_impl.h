/* Shared by the files of a comparison. */
#ifndef VC_COMPARE_IMPL_H
#define VC_COMPARE_IMPL_H

#include "vitcod/compare.h"

vc_status vc__scenes_open(vc_comparison *out, const vc_compare_options *options);
void vc__scenes_close(vc_comparison *comparison);

#endif
