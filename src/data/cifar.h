/* CIFAR-10 and CIFAR-100: binary files, which are records of one or two label bytes and 3 x 32 x 32
 * pixels, or pickles of Python. A. Krizhevsky: Learning multiple layers of features from tiny
 * images, 2009. */
#ifndef VC_CIFAR_H
#define VC_CIFAR_H

#include "class_list.h"
#include "vitcod/data.h"

/* 1 if the directory, or the folder in it that the archive unpacks to, holds such files. */
int vc__cifar_is_here(const char *directory);

/* Reads a split. The labels of CIFAR-100 are its 100 fine classes. */
vc_status vc__cifar_read(vc_dataset *out, const char *directory, const char *split);

/* Reads the names of the classes, into an empty list, and gives the path of the file that has them;
 * the list stays empty where there is none. */
vc_status vc__cifar_names(vc__class_list *out, char path[4096], const char *directory);

/* 1 if vc_dataset_open can read what is there. (Defined in dataset.c.) */
int vc__dataset_is_here(const char *path);

#endif
