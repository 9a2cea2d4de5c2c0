/* Shared by the fuzzers: a path for the bytes, and reading everything that an open file holds. */
#ifndef VC_FUZZING_H
#define VC_FUZZING_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create: include this header before the system's */
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vitcod/tensor_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes; valid until the next call. */
static inline const char *fuzz_path(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd >= 0)
        close(fd); /* a fresh one: what is still mapped of the last stays as it was */
    fd = memfd_create("fuzz", 0);
    if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* Reads every value, so that the sanitizer sees one outside of the memory. */
static inline void fuzz_tensor(const vc_tensor *tensor)
{
    const volatile unsigned char *values = tensor->data;
    size_t bytes = vc_tensor_count(tensor) * vc_dtype_bytes(tensor->dtype);
    for (size_t i = 0; i < bytes; i++)
        (void)values[i];
}

static inline void fuzz_tensor_file(vc_tensor_file *file)
{
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const vc_named_tensor *at = vc_tensor_file_at(file, i);
        fuzz_tensor(&at->tensor);
        if (vc_tensor_file_find(file, at->name) != &at->tensor)
            abort();
    }
    vc_tensor_file_close(file);
}

#endif
