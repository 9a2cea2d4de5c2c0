/* The binary files of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3 x 32 x 32
 * pixels. A. Krizhevsky: Learning multiple layers of features from tiny images, 2009. */
#ifndef VC_CIFAR_H
#define VC_CIFAR_H

#include "vitcod/data.h"

/* Whether the directory, or the folder that the archive unpacks to in it, holds such files. */
int vc__cifar_is_here(const char *directory);

/* CIFAR-100 is labelled by its 100 fine classes. */
vc_status vc__cifar_read(vc_dataset *out, const char *directory, const char *split);

/* The path of the file that names the classes; 0 when there is none. */
int vc__cifar_names(char path[4096], const char *directory);

/* Whether vc_dataset_open knows what the directory holds (dataset.c). */
int vc__dataset_is_here(const char *directory);

#endif
