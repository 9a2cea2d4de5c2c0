/* Fixed attention masks in ViTCoD's form: bool (L, H, Tq, Tk), true = pruned, one npy file; or one
 * for each group of layers of one shape. */
#ifndef VITCOD_MASK_H
#define VITCOD_MASK_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_mask {
    size_t layers, heads, queries, keys;
    uint8_t *pruned; /* (L, H, Tq, Tk), 0 or 1 */
} vc_mask;

vc_status vc_mask_open(vc_mask *out, size_t layers, size_t heads, size_t queries, size_t keys);
void vc_mask_close(vc_mask *mask);

/* Reads a mask of any dtype: 0 is kept, 1 pruned; or 0 kept, -inf pruned, as what is added to
 * scores. VC_EFORMAT if its rank is not 4, or it holds anything else. Written is bool. */
vc_status vc_mask_read(vc_mask *out, const char *path);
/* The same of an array in an npz archive (vc_npy_open_member). */
vc_status vc_mask_read_member(vc_mask *out, const char *path, const char *member);
vc_status vc_mask_write(const char *path, const vc_mask *mask);

/* The map of one head, (Tq, Tk). */
uint8_t *vc_mask_head(const vc_mask *mask, size_t layer, size_t head);

size_t vc_mask_kept(const vc_mask *mask);

/* VC_EINVAL if a row keeps no entry, since its softmax is undefined; the message names the row. */
vc_status vc_mask_check_rows(const vc_mask *mask, const char *path);

/* The masks of a model, one for each group of layers (see group_files.h). */
typedef struct vc_group_name {
    char text[32]; /* empty where all layers are one group */
} vc_group_name;

typedef struct vc_mask_set {
    size_t count;
    vc_mask *masks;
    vc_group_name *names;
} vc_mask_set;

/* Makes a set of `count` empty masks. */
vc_status vc_mask_set_open(vc_mask_set *out, size_t count);
void vc_mask_set_close(vc_mask_set *set);

/* Reads an npy file, or a folder with `mask_<group>.npy` for every group. */
vc_status vc_mask_set_read(vc_mask_set *out, const char *path);
vc_status vc_mask_set_write(const char *path, const vc_mask_set *set);

#ifdef __cplusplus
}
#endif

#endif
