/* Weights of products in int8, in the form that product_int8 reads. */
#include "vitcod/int8_product.h"

#include <assert.h>
#include <cpuid.h>
#include <string.h>

#include "vitcod/isa.h"

static size_t up_to(size_t count, size_t multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

size_t vc_int8_packed_bytes(size_t outputs, size_t inputs)
{
    return up_to(outputs, VC_INT8_LANES) * inputs;
}

size_t vc_int8_packed_at(size_t outputs, size_t inputs, size_t output, size_t input)
{
    const size_t block = output / VC_INT8_BLOCK * VC_INT8_BLOCK;
    const size_t left = up_to(outputs, VC_INT8_LANES) - block;
    const size_t wide = left < VC_INT8_BLOCK ? left : VC_INT8_BLOCK;
    return block * inputs + input / VC_INT8_DEPTH * VC_INT8_DEPTH * wide +
           (output - block) * VC_INT8_DEPTH + input % VC_INT8_DEPTH;
}

void vc_int8_pack(int8_t *packed, const int8_t *weight, size_t outputs, size_t inputs)
{
    assert(inputs % VC_INT8_DEPTH == 0);
    memset(packed, 0, vc_int8_packed_bytes(outputs, inputs));
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            packed[vc_int8_packed_at(outputs, inputs, o, i)] = weight[o * inputs + i];
}

/* gcc knows the name of AMX from version 13 on. */
static int has_amx_int8(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 25 & 1);
}

int vc_cpu_has_int8_rows(void)
{
    return vc_isa_get() == VC_ISA_AVX512 && __builtin_cpu_supports("avx512vnni") && !has_amx_int8();
}
