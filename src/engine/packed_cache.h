/* Packed weights in a file of the user's cache, which processes map and share. */
#ifndef VC_PACKED_CACHE_H
#define VC_PACKED_CACHE_H

#include <stddef.h>

#include "vitcod/status.h"

typedef struct vc__packed_cache vc__packed_cache;

/* A hash of the sources that this was built of (tools/sources-hash.cmake). */
extern const char vc__sources[];

/* Opens the file with this name in the cache, if it is there, belongs to this key, and has the
 * names, sizes and values that were written; else it is made by vc__packed_cache_write. Somebody
 * who wants to deceive can: whoever takes values must not index by them unseen. VC_ENOMEM, or
 * VC_EUNSUPPORTED where the user has no cache. `note` (VC__CACHE_NOTE) says why a file that is
 * there is made anew; empty: it is not. */
enum { VC__CACHE_NOTE = 512 };
vc_status vc__packed_cache_open(vc__packed_cache **out, char *note, const char *name,
                                const char *key);
void vc__packed_cache_close(vc__packed_cache *cache);

/* Values that the file has under a name, aligned to 64 bytes; NULL if it has not, and if they are
 * of another size, unless `bytes` is 0. */
const void *vc__packed_cache_take(vc__packed_cache *cache, const char *name, size_t bytes);
size_t vc__packed_cache_bytes(const vc__packed_cache *cache, const char *name); /* of the file's */
/* Values for the file, which must remain until it is written, unless they are copied. They are
 * written in place of what was taken under that name. */
vc_status vc__packed_cache_give(vc__packed_cache *cache, const char *name, const void *values,
                                size_t bytes, int copied);
/* Writes the file, unless all of it was taken from there. */
vc_status vc__packed_cache_write(vc__packed_cache *cache);

#endif
