/* The pickle reader alone. */
#include "fuzzing.h"

#include "../../src/core/pickle_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc__pool pool = {0};
    vc__pickle made;
    if (vc__pickle_read(&made, &pool, "fuzz", data, size, 0) == VC_OK && made.top->kind == VC__DICT)
        vc__dict_find(made.top, "model");
    vc__pool_close(&pool);
    return 0;
}
