#include "vitcod/isa.h"

#include <stdlib.h>
#include <string.h>

const char *vc_isa_name(vc_isa isa)
{
    static const char *const names[VC_ISA_COUNT] = {"ref", "avx2", "avx512"};
    return names[isa];
}

vc_isa vc_isa_best(void)
{
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return VC_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return VC_ISA_AVX2;
    return VC_ISA_REF;
}

static vc_isa wanted(void)
{
    const char *name = getenv("VC_ISA");
    if (!name || !*name)
        return vc_isa_best();
    for (int i = 0; i < VC_ISA_COUNT; i++)
        if (strcmp(name, vc_isa_name((vc_isa)i)) == 0)
            return (vc_isa)i;
    return VC_ISA_COUNT;
}

vc_isa vc_isa_get(void)
{
    vc_isa isa = wanted();
    return isa <= vc_isa_best() ? isa : vc_isa_best();
}

vc_status vc_isa_check(void)
{
    vc_isa isa = wanted();
    if (isa == VC_ISA_COUNT)
        return vc_fail(VC_EINVAL, "VC_ISA is '%s', wanted ref, avx2 or avx512", getenv("VC_ISA"));
    if (isa > vc_isa_best())
        return vc_fail(VC_EUNSUPPORTED, "VC_ISA is '%s', this CPU has %s at most", vc_isa_name(isa),
                       vc_isa_name(vc_isa_best()));
    return VC_OK;
}

int vc_cpu_has_bf16(void)
{
    return vc_isa_get() == VC_ISA_AVX512 && __builtin_cpu_supports("avx512bf16");
}
