#include <stdlib.h>
#include <string.h>

#include "kernels_impl.h"

static const vc_kernels tables[VC_ISA_COUNT] = {
    [VC_ISA_REF] =
        {
            .isa = VC_ISA_REF,
#define VC_KERNEL(name, ref, avx2, avx512, args) .name = ref,
#include "vitcod/kernels.def"
#undef VC_KERNEL
        },
    [VC_ISA_AVX2] =
        {
            .isa = VC_ISA_AVX2,
#define VC_KERNEL(name, ref, avx2, avx512, args) .name = avx2,
#include "vitcod/kernels.def"
#undef VC_KERNEL
        },
    [VC_ISA_AVX512] =
        {
            .isa = VC_ISA_AVX512,
#define VC_KERNEL(name, ref, avx2, avx512, args) .name = avx512,
#include "vitcod/kernels.def"
#undef VC_KERNEL
        },
};

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

const vc_kernels *vc_kernels_of(vc_isa isa)
{
    return isa <= vc_isa_best() ? &tables[isa] : NULL;
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

vc_status vc_kernels_check(void)
{
    vc_isa isa = wanted();
    if (isa == VC_ISA_COUNT)
        return vc_fail(VC_EINVAL, "VC_ISA is '%s', wanted ref, avx2 or avx512", getenv("VC_ISA"));
    if (isa > vc_isa_best())
        return vc_fail(VC_EUNSUPPORTED, "VC_ISA is '%s', this CPU has %s at most", vc_isa_name(isa),
                       vc_isa_name(vc_isa_best()));
    return VC_OK;
}

const vc_kernels *vc_kernels_get(void)
{
    /* Every thread that races here stores the same pointer. */
    static const vc_kernels *chosen;
    const vc_kernels *table = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (!table) {
        vc_isa isa = wanted();
        table = &tables[isa <= vc_isa_best() ? isa : vc_isa_best()];
        __atomic_store_n(&chosen, table, __ATOMIC_RELEASE);
    }
    return table;
}
