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

const vc_kernels *vc_kernels_of(vc_isa isa)
{
    return isa <= vc_isa_best() ? &tables[isa] : NULL;
}

const vc_kernels *vc_kernels_get(void)
{
    /* Threads that get here at the same time all store the same pointer. */
    static const vc_kernels *chosen;
    const vc_kernels *table = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (!table) {
        table = &tables[vc_isa_get()];
        __atomic_store_n(&chosen, table, __ATOMIC_RELEASE);
    }
    return table;
}
