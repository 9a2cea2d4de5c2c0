/* What lies beside a checkpoint. */
#ifndef VC_BESIDE_H
#define VC_BESIDE_H

#include "vitcod/tensor_file.h"

/* Adds to *file what config.json and preprocessor_config.json of its folder say (those that timm
 * and transformers write), as metadata of the names that files of this program have, and a note.
 * The names of classes, transformers' id2label or timm's label_names, are taken for all classes or
 * for none. Files of this program speak for themselves, and of a config.json for another width or
 * depth nothing is taken. VC_EUNSUPPORTED for what the model here does not have. */
vc_status vc__read_beside(vc_tensor_file **file);

#endif
