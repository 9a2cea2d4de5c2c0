/* Checkpoints under the names of other programs. */
#ifndef VC_NAMING_H
#define VC_NAMING_H

#include "vitcod/tensor_file.h"

/* Puts *file under the names that the families know, where it has those of a program in the
 * table, and says so in a note; any other file stays as it is. VC_EFORMAT for parts of Q, K and V
 * that do not fit each other. */
vc_status vc__name_as_known(vc_tensor_file **file);

#endif
