#ifndef VC_KINDS_H
#define VC_KINDS_H

#include "vitcod/tensor_file.h"

/* VC_EUNSUPPORTED for relatives of the models that are known, which would be read wrongly or stop
 * at a tensor that says little: the message names the kind. */
vc_status vc__refuse_kinds(const vc_tensor_file *file);

#endif
