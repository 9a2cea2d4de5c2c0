/* The bytes are the member of an npz archive that is sound otherwise. */
#include "archive.h"

#include "vitcod/npz_object.h"

enum { DEEPEST = 6, MOST = 64 };

/* Only some of what it holds: a list may hold itself. */
static double walk(const vc_npz_value *value, int depth)
{
    vc_npz_array array;
    int64_t integer;
    double sum = vc_npz_integer(&integer, value);
    if (vc_npz_floats(&array, value, "fuzz") == VC_OK) {
        size_t count = 1;
        for (size_t i = 0; i < array.rank; i++)
            count *= array.shape[i];
        for (size_t i = 0; i < count; i++)
            sum += (double)array.data[i];
        free(array.data);
    }
    for (size_t i = 0; depth < DEEPEST && i < MOST && i < vc_npz_count(value); i++) {
        const char *key = vc_npz_key(value, i);
        sum += walk(vc_npz_item(value, i), depth + 1) + (key ? key[0] : 0);
        sum += key && vc_npz_find(value, key) != NULL;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_npz_object *object;
    const fuzz_member members[] = {{"object.npy", data, size}};
    if (vc_npz_object_open(&object, fuzz_zip(members, 1), "object") != VC_OK)
        return 0;
    volatile double kept = walk(vc_npz_object_top(object), 0); /* so that all is read */
    (void)kept;
    vc_npz_object_close(object);
    return 0;
}
