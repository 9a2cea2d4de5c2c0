/* Checksums of what a run goes on from, and of what is kept in the cache: a value that a disk or a
 * hand has changed is noticed. They are no protection against somebody who wants to deceive. */
#ifndef VITCOD_CHECKSUM_H
#define VITCOD_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CRC-32. Begins with 0 and goes on from what came before. */
uint32_t vc_checksum(uint32_t before, const void *data, size_t bytes);

/* The same in 64 bits, at the speed of memory, for what is checked whenever a program starts. Any
 * change within 8 bytes is noticed. Of what is no multiple of 64 bytes the rest counts as zeros. */
uint64_t vc_checksum_wide(uint64_t before, const void *data, size_t bytes);

/* As eight hexadecimal digits, which is how files say it. Returns `text`. */
enum { VC_CHECKSUM_TEXT = 9 };
char *vc_checksum_text(char text[VC_CHECKSUM_TEXT], uint32_t sum);
/* VC_EFORMAT, naming the path, unless the file says this sum; `said` NULL: it says none. */
vc_status vc_checksum_check(uint32_t sum, const char *said, const char *path);

/* Writes an object exactly (see vc_json_write_exact), with a member `crc32` of all others. */
vc_status vc_json_write_sealed(const char *path, const json_t *object);
/* VC_EFORMAT, naming the path, unless the object is as vc_json_write_sealed wrote it. */
vc_status vc_json_check_seal(const json_t *object, const char *path);

#ifdef __cplusplus
}
#endif

#endif
