#include "fuzzing.h"

#include <string.h>

#include "vitcod/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || memcmp(data, "PK", 2) != 0)
        return 0;
    vc_source *source;
    const vc_source_options o = {.split = "test"};
    if (vc_source_open(&source, fuzz_path(data, size), &o) != VC_OK)
        return 0;
    vc_bytes bytes = {0};
    for (size_t i = vc_source_count(source); i-- > 0;)
        if (vc_source_read(&bytes, source, i) != VC_OK)
            break;
    vc_bytes_close(&bytes);
    vc_source_close(source);
    return 0;
}
