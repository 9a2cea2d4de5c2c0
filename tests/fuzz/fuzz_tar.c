#define _GNU_SOURCE
#include "fuzz_file.h"

#include <string.h>

#include "vitcod/source.h"

enum { BLOCK = 512, MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Mends checksums, which would otherwise reject every change. */
static void mend_checksums(uint8_t *tar, size_t size)
{
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
        uint8_t *header = tar + at;
        unsigned sum = 0;
        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
            sum += header[i];
        snprintf((char *)header + 148, 8, "%06o", sum & 0777777u);
    }
}

static void read_all(vc_source *source, int labelled)
{
    vc_bytes bytes = {0};
    char name[VC_SOURCE_NAME];
    for (size_t i = 0; i < vc_source_count(source); i++) {
        int32_t label = vc_source_label(source, i);
        if (labelled ? label < 0 || (size_t)label >= vc_source_classes(source) : label != -1)
            abort();
        if (vc_source_read(&bytes, source, i) != VC_OK && bytes.count != 0)
            abort();
        vc_source_name(name, source, i);
    }
    vc_bytes_close(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t tar[MOST];
    if (size > MOST)
        return 0;
    memcpy(tar, data, size);
    mend_checksums(tar, size);
    const char *path = fuzz_file(tar, size);
    for (int labelled = 0; labelled <= 1; labelled++) {
        vc_source *source;
        vc_source_options o = {.split = size % 2 ? "train" : "test", .labelled = labelled};
        if (vc_source_open(&source, path, &o) != VC_OK)
            continue;
        read_all(source, labelled);
        vc_source_close(source);
    }
    return 0;
}
