/* The files of maps or masks: one npy file or, for models whose layers differ in shape, a folder
 * or an npz archive with one npy file per group of layers, in the order in which the groups run:
 * with ViTCoD's names, dpt0, subsample0, dpt1, subsample1 and so on, or with numbers, group0,
 * group1. */
#ifndef VITCOD_GROUP_FILES_H
#define VITCOD_GROUP_FILES_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_MOST_GROUPS = 15, VC_GROUP_PATH = 4096 };

typedef struct vc_group_file {
    char name[32]; /* of the group; empty for a single file */
    char path[VC_GROUP_PATH];
    char member[64]; /* the array in the archive `path`; empty: the file is the array */
} vc_group_file;

typedef struct vc_group_files {
    size_t count;
    vc_group_file *files;
} vc_group_files;

/* Finds the files: `path` itself, or `<prefix>_<group>.npy` or `<group>.npy` in it, a folder or
 * an archive of several arrays. VC_EFORMAT if the first or a group in between is missing, or an
 * archive holds other arrays too. */
vc_status vc_group_files_find(vc_group_files *out, const char *path, const char *prefix);
void vc_group_files_close(vc_group_files *files);

/* The path to write a group to: `path` for the group without a name, else
 * `<path>/<prefix>_<group>.npy`. VC_EINVAL if it is too long. */
vc_status vc_group_file_name(char out[VC_GROUP_PATH], const char *path, const char *prefix,
                             const char *group);

#ifdef __cplusplus
}
#endif

#endif
