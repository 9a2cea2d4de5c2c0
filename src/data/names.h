/* A growing list of names. */
#ifndef VC_NAMES_H
#define VC_NAMES_H

#include <stddef.h>

#include "vitcod/status.h"

typedef struct vc__names {
    char **items;
    size_t count, capacity;
} vc__names;

vc_status vc__names_add(vc__names *names, const char *name, size_t length);
void vc__names_sort(vc__names *names); /* also removes duplicates */
/* Index of a name in sorted names; `count` if it is not there. */
size_t vc__names_find(const vc__names *names, const char *name, size_t length);
void vc__names_close(vc__names *names);

#endif
