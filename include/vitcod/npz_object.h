/* What NumPy pickled into an npz archive: dicts, lists and arrays inside each other, as data
 * sets of poses are distributed. Nothing in it is executed: the reader is that of checkpoints
 * (pth.h). */
#ifndef VITCOD_NPZ_OBJECT_H
#define VITCOD_NPZ_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_npz_object vc_npz_object;
typedef struct vc__value vc_npz_value; /* lives as long as its object is open */

/* The object of an archive called `member`, without .npy. VC_EFORMAT for what is no pickled object,
 * is damaged, or names classes or functions that are not known to be harmless. */
vc_status vc_npz_object_open(vc_npz_object **out, const char *path, const char *member);
void vc_npz_object_close(vc_npz_object *object); /* NULL is fine */
const vc_npz_value *vc_npz_object_top(const vc_npz_object *object);

/* Items of a list, a tuple or an array of objects, or entries of a dict; 0 for anything else. */
size_t vc_npz_count(const vc_npz_value *value);
const vc_npz_value *vc_npz_item(const vc_npz_value *value, size_t index);
/* The key of a dict's entry; NULL: it is no text, or there is no dict. */
const char *vc_npz_key(const vc_npz_value *value, size_t index);
/* NULL: there is none, or no dict. */
const vc_npz_value *vc_npz_find(const vc_npz_value *value, const char *key);
/* 1 and a whole number, or 0. */
int vc_npz_integer(int64_t *out, const vc_npz_value *value);

enum { VC_NPZ_RANK = 4 };
typedef struct vc_npz_array {
    size_t rank, shape[VC_NPZ_RANK];
    float *data; /* to be freed */
} vc_npz_array;
/* An array of little endian floats of 32 or 64 bits, rows in order. VC_EFORMAT, with `what`, for
 * anything else, VC_EINVAL for a value that is not finite. */
vc_status vc_npz_floats(vc_npz_array *out, const vc_npz_value *value, const char *what);

#ifdef __cplusplus
}
#endif

#endif
