/* The index of a checkpoint in several files, beside two sound ones. */
#include "fuzzed_folder.h"

#include "vitcod/safetensors.h"
#include "vitcod/weights.h"

static void write_shard(const char *name, const char *tensor, size_t count)
{
    static float values[4] = {1, 2, 3, 4};
    char path[128];
    const vc_named_tensor tensors[] = {{"both", {VC_F32, 1, {1}, values}},
                                       {tensor, {VC_F32, 1, {count}, values}}};
    const vc_metadata metadata[] = {{"format", "pt"}, {tensor, name}};
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    if (vc_safetensors_write(path, tensors + (count < 3), 1 + (count >= 3), metadata, 2) != VC_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int written;
    vc_tensor_file *file;
    if (!written) {
        write_shard("a.safetensors", "one", 2);
        write_shard("b.safetensors", "two", 3);
        written = 1;
    }
    if (vc_weights_open(&file, fuzz_folder_file("index.json", data, size), VC_WEIGHTS_ANY) == VC_OK)
        fuzz_tensor_file(file);
    return 0;
}
