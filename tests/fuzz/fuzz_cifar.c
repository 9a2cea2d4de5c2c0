/* The first byte says which of the files it is, the second how many there are of it. */
#include "fuzzed_folder.h"

#include "../../src/data/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "data_batch_1",   "test_batch", "train",    "test",         "data_batch_1.bin",
        "test_batch.bin", "train.bin",  "test.bin", "batches.meta", "meta"};
    enum { NAMES = sizeof names / sizeof *names };
    if (size < 2)
        return 0;
    const char *paths[NAMES] = {0};
    char kept[NAMES][128];
    for (size_t i = 0; i < NAMES; i++)
        if (i == data[0] % NAMES || (data[1] >> i % 8 & 1)) {
            snprintf(kept[i], sizeof kept[i], "%s", fuzz_folder_file(names[i], data + 2, size - 2));
            paths[i] = kept[i];
        }
    for (int split = 0; split < 2; split++) {
        vc_dataset set;
        if (vc__cifar_read(&set, fuzz_folder(), split ? "test" : "train") == VC_OK)
            vc_dataset_close(&set);
    }
    vc__class_list list = {0};
    char path[4096];
    if (vc__cifar_names(&list, path, fuzz_folder()) == VC_OK)
        vc__class_list_close(&list);
    for (size_t i = 0; i < NAMES; i++)
        if (paths[i])
            unlink(paths[i]);
    return 0;
}
