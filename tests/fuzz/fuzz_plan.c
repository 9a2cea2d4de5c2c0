#include "fuzzing.h"
#include "vitcod/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_plan plan, copy;
    if (vc_plan_read(&plan, fuzz_path(data, size)) != VC_OK)
        return 0;
    if (vc_plan_copy(&copy, &plan) != VC_OK || vc_plan_hash(&copy) != vc_plan_hash(&plan))
        abort();
    vc_plan_close(&copy);
    vc_plan_close(&plan);
    return 0;
}
