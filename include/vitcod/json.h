/* JSON files. Values themselves are jansson's json_t. */
#ifndef VITCOD_JSON_H
#define VITCOD_JSON_H

#include <jansson.h>

#include "vitcod/status.h"

/* VC_EFORMAT with jansson's line and reason. The caller owns *out. */
vc_status vc_json_read(json_t **out, const char *path);

/* Indented, keys in insertion order, a newline at the end; written aside and renamed. */
vc_status vc_json_write(const char *path, const json_t *value);
/* The same with numbers of as many digits as reading them back exactly wants. */
vc_status vc_json_write_exact(const char *path, const json_t *value);

/* Two objects of settings by name; what differs is VC_EINVAL and is named, with what it was and is. `path`: where
 * those of before come from. */
vc_status vc_json_check_settings(const json_t *was, const json_t *is, const char *path);

/* A string. Text that is no UTF-8, as paths may be, has every byte above 127 as \xNN. */
json_t *vc_json_text(const char *text);

/* The number that an object has under a key; 0 where there is none. */
double vc_json_number(const json_t *object, const char *key);

#endif
