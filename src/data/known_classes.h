/* Data sets whose files name no classes, but whose labels tell which they are. */
#ifndef VC_KNOWN_CLASSES_H
#define VC_KNOWN_CLASSES_H

#include "names.h"
#include "vitcod/data.h"

/* Adds the names of the data set's classes, if its labels are, all and in order, those of a split
 * that is known; else nothing. */
vc_status vc__known_classes(vc__names *out, const vc_dataset *dataset);

#endif
