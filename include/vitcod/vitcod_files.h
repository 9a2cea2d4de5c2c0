/* ViTCoD's own files of a polarized mask, which its simulator reads: for a mask info_S.npy
 * `reodered_info_S.npy` (their spelling), float64 (L, H, Tq, Tk), 1 = pruned, tokens in the order
 * of the plan, and `global_token_info_S.npy`, float64 (L, H), how many come first. Which token is
 * where they do not say. */
#ifndef VITCOD_VITCOD_FILES_H
#define VITCOD_VITCOD_FILES_H

#include "vitcod/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a path is such a mask's, by the beginning of its name. */
int vc_vitcod_is_reordered(const char *path);
/* Or that of its counts. */
int vc_vitcod_is_counts(const char *path);

/* Reads such a mask and, beside it, the counts. In the plan tokens stay where they are, and
 * `reordered` is set. VC_EFORMAT for counts that are no whole numbers from 0 to Tk, VC_EINVAL where
 * a column behind the global ones keeps more than one of them, or a row nothing. */
vc_status vc_vitcod_read(vc_plan *out, const char *path);

/* Writes both files into a folder, which is made, for each group of the masks that the plan came
 * from. `source` is where those were read: a file, whose name the new ones get, or a folder. */
vc_status vc_vitcod_write(const char *directory, const vc_plan *plan, const vc_mask_set *masks,
                          const char *source);

#ifdef __cplusplus
}
#endif

#endif
