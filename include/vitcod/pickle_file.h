/* A Python pickle of a dict that holds arrays, lists and texts, as data sets are distributed in.
 * Nothing in it is executed: the reader is that of checkpoints (pth.h). */
#ifndef VITCOD_PICKLE_FILE_H
#define VITCOD_PICKLE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VC_PICKLE_FILE_MOST ((size_t)512 << 20) /* bytes of a file */

typedef struct vc_pickle_file vc_pickle_file;

/* VC_EFORMAT for what is no pickle of protocol 2 to 5, is damaged or truncated, names classes or
 * functions that are not known to be harmless, or holds something else than a dict. */
vc_status vc_pickle_file_open(vc_pickle_file **out, const char *path);
void vc_pickle_file_close(vc_pickle_file *file); /* NULL is fine */

/* The array of bytes (numpy's uint8, rows in order) under a key, (rows, columns); it lives as long
 * as the file is open. VC_EFORMAT for anything else. */
vc_status vc_pickle_file_bytes(const uint8_t **out, size_t *rows, size_t *columns,
                               const vc_pickle_file *file, const char *key);

/* How many items a list has; 0 where there is no list of this name. */
size_t vc_pickle_file_count(const vc_pickle_file *file, const char *key);
/* An item of a list. VC_EFORMAT where it is no such thing. */
vc_status vc_pickle_file_integer(int64_t *out, const vc_pickle_file *file, const char *key,
                                 size_t index);
vc_status vc_pickle_file_text(const char **out, const vc_pickle_file *file, const char *key,
                              size_t index);

#ifdef __cplusplus
}
#endif

#endif
