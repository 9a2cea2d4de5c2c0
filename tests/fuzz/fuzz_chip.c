/* What a chip's file means. */
#include "fuzzing.h"
#include "vitcod/accelerator.h"

/* libfyaml 0.7 itself loses a little memory on some tags. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_accelerator chip;
    (void)vc_accelerator_read(&chip, fuzz_path(data, size));
    return 0;
}
