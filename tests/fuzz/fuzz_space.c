/* What a sweep's space means. */
#include "fuzzed_folder.h"
#include "vitcod/sweep.h"

/* libfyaml 0.7 itself loses a little memory on some tags. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_sweep *sweep;
    const uint64_t seed = size > 0 ? data[0] % 4 : 0;
    if (vc_sweep_open(&sweep, fuzz_folder_file("space.yaml", data, size), seed) != VC_OK)
        return 0;
    if (vc_sweep_points(sweep) == 0)
        abort();
    vc_sweep_close(sweep);
    return 0;
}
