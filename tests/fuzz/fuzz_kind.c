/* What any bytes are called, and whether they are refused as it. */
#include "fuzzing.h"

#include "vitcod/file_kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(data, size);
    const vc_file_kind kind = vc_file_kind_of(path);
    if ((int)kind < 0 || kind >= VC_FILE_KIND_COUNT)
        abort();
    (void)vc_file_refuse_path(path, "something else");
    return 0;
}
