/* FNV-1a, 64 bit. Results carry it to say which plan or configuration they belong to. It is no
 * protection against tampering. */
#ifndef VITCOD_HASH_H
#define VITCOD_HASH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VC_HASH_START 0xcbf29ce484222325u

static inline uint64_t vc_hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

#ifdef __cplusplus
}
#endif

#endif
