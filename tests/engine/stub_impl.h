/* What the stubs of devices' libraries share: what was made and not released, and faults. */
#ifndef VC_TEST_STUB_IMPL_H
#define VC_TEST_STUB_IMPL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_stub.h"

typedef enum kind {
    CONTEXT,
    STREAM,
    MODULE,
    FUNCTION, /* released with its module */
    KERNEL,
    EVENT,
    MEMORY,
    PROGRAM,
    PLAN,
    GRAPH
} kind;

typedef struct object {
    kind of;
    char *at; /* its memory */
    size_t bytes;
    const char *image; /* of a function: where its parameters begin */
    struct object *next;
} object;

extern device_stub stub_state;
extern object *stub_objects;

/* Keeps the first fault. */
void stub_fault(const char *where, const char *what);
/* Counts a call; 1: it has to fail. */
int stub_fails(const char *name);
object *stub_make(kind of, size_t bytes);
/* NULL, and a fault: it was not made, or is released. Memory goes by its address. */
object *stub_find(const void *handle, kind of, const char *where);
void stub_drop(object *gone);
void stub_release(const void *handle, kind of, const char *where);
/* A fault where so many bytes from an address on are not in the device's memory. */
void stub_check_range(uint64_t at, size_t bytes, const char *where);
/* Where the parameters of a kernel begin in the text of its source; NULL: it has none of the
 * name. */
const char *stub_parameters(const char *source, const char *kernel);

#define STUB_CALLED(error)                                                                         \
    if (stub_fails(__func__))                                                                      \
    return error

#endif
