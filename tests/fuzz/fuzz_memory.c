/* A memory's file. What can be read can be asked for bytes. */
#include "fuzzing.h"

#include <math.h>

#include "vitcod/memory.h"

/* libfyaml 0.7 itself loses a little memory on some tags. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_memory_config config;
    if (vc_memory_config_read(&config, fuzz_path(data, size)) == VC_OK &&
        !(vc_memory_peak(&config) > 0.0 && isfinite(vc_memory_peak(&config))))
        abort();
    return 0;
}
