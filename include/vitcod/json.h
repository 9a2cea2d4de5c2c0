/* JSON files. The values themselves are jansson's json_t. */
#ifndef VITCOD_JSON_H
#define VITCOD_JSON_H

#include <jansson.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* jansson goes on without what it gets no memory for; these do not.
 *
 * What a text says; NULL: out of memory, or no JSON, which vc_json_status tells apart. */
json_t *vc_json_parse(const char *text, size_t bytes, size_t flags, json_error_t *error);
/* VC_ENOMEM or VC_EFORMAT, for what vc_json_parse could not read. */
vc_status vc_json_status(const json_error_t *error);
/* The text of a value, which the caller frees; NULL: out of memory. Numbers have as few digits as
 * give back the same value, unless JSON_REAL_PRECISION among the flags says how many. */
char *vc_json_dump(const json_t *value, size_t flags);

/* The first shares its members with the value, the second copies them too. NULL: out of memory, or
 * no value. */
json_t *vc_json_copy(const json_t *value);
json_t *vc_json_deep_copy(const json_t *value);

/* VC_EFORMAT with the line and reason that jansson gives; VC_ENOMEM. The caller owns *out. */
vc_status vc_json_read(json_t **out, const char *path);

/* Writes JSON, indented, with keys in the order of insertion and a newline at the end. The file
 * appears under its name only when it is complete. */
vc_status vc_json_write(const char *path, const json_t *value);
/* The same, with enough digits that reading a number gives back exactly the same value. */
vc_status vc_json_write_exact(const char *path, const json_t *value);

/* Add to an object or a list, and take over the value. Without the value, or memory for it, all of
 * *whole is released and NULL: whoever has made one asks once, at its end, whether it is there. */
void vc_json_set(json_t **whole, const char *key, json_t *value);
void vc_json_append(json_t **whole, json_t *value);

/* Compares two objects of named settings. VC_EINVAL if they differ: the message names what differs,
 * what it was and what it is now. `path` says where `was` comes from. */
vc_status vc_json_check_settings(const json_t *was, const json_t *is, const char *path);

/* A string; NULL: out of memory. Text that is no UTF-8, as paths may be, has every byte above 127
 * as \xNN. */
json_t *vc_json_text(const char *text);

/* The number that an object has under a key; 0 where there is none. */
double vc_json_number(const json_t *object, const char *key);

#ifdef __cplusplus
}
#endif

#endif
