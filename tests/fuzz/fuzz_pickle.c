/* The pickle reader alone. */
#include "fuzzing.h"

#include "../../src/core/pickle_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc__pool pool = {0};
    vc__value *top;
    if (vc__pickle_read(&top, &pool, "fuzz", data, size) == VC_OK && top->kind == VC__DICT)
        vc__dict_find(top, "model");
    vc__pool_close(&pool);
    return 0;
}
