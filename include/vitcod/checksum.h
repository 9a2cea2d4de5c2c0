/* CRC-32 of what a run goes on from: a value that a disk or a hand has changed is noticed. It is no
 * protection against somebody who wants to deceive. */
#ifndef VITCOD_CHECKSUM_H
#define VITCOD_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Begins with 0 and goes on from what came before. */
uint32_t vc_checksum(uint32_t before, const void *data, size_t bytes);

/* Writes an object exactly (see vc_json_write_exact), with a member `crc32` of all others. */
vc_status vc_json_write_sealed(const char *path, const json_t *object);
/* VC_EFORMAT, naming the path, unless the object is as vc_json_write_sealed wrote it. */
vc_status vc_json_check_seal(const json_t *object, const char *path);

#ifdef __cplusplus
}
#endif

#endif
