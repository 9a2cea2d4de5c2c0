/* The IDX files of MNIST and of data sets like it, under all names that they go by. */
#ifndef VC_IDX_FILES_H
#define VC_IDX_FILES_H

#include "vitcod/status.h"

enum { VC__IDX_PATH = 4096 };

typedef struct vc__idx_files {
    char images[VC__IDX_PATH], labels[VC__IDX_PATH];
    char other_labels[VC__IDX_PATH]; /* of the other split; empty: there are none */
} vc__idx_files;

/* 1 if the path is a file of images, or a folder that holds one: itself, in `raw`, or in
 * `NAME/raw`, as torchvision leaves them. */
int vc__idx_is_here(const char *path);

/* Finds the files of a split, "train" or "test". VC_EABSENT: there are none of this split.
 * VC_EFORMAT: there are several data sets, of which a file of images, of either split, would name
 * one; or labels are missing. */
vc_status vc__idx_find(vc__idx_files *out, const char *path, const char *split);

#endif
