#include "fuzzing.h"

#include "../../src/data/class_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc__class_list list;
    if (vc__class_list_read(&list, fuzz_path(data, size)) != VC_OK)
        return 0;
    for (size_t i = 0; i < list.folders.count; i++)
        if (vc__class_list_find(&list, list.folders.items[i]) != i)
            abort();
    vc__class_list_close(&list);
    return 0;
}
