#include <math.h>
#include <stdint.h>
#include <string.h>

#include "vitcod/tensor.h"

/* Of binary16: a sign, 5 bits of exponent, 10 of fraction. */
static double of_half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = ldexp(exponent ? fraction + 1024 : fraction, (exponent ? exponent : 1) - 25);
    if (exponent == 31)
        size = fraction ? NAN : INFINITY;
    return bits >> 15 ? -size : size;
}

static double of_bfloat(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

double vc_tensor_value(const vc_tensor *t, size_t i)
{
    switch (t->dtype) {
    case VC_F32:
        return (double)((const float *)t->data)[i];
    case VC_F64:
        return ((const double *)t->data)[i];
    case VC_F16:
        return of_half(((const uint16_t *)t->data)[i]);
    case VC_BF16:
        return of_bfloat(((const uint16_t *)t->data)[i]);
    case VC_I64:
        return (double)((const int64_t *)t->data)[i];
    case VC_I32:
        return (double)((const int32_t *)t->data)[i];
    case VC_I8:
        return (double)((const int8_t *)t->data)[i];
    case VC_U8:
    case VC_BOOL:
    case VC_DTYPE_COUNT:
        break;
    }
    return (double)((const uint8_t *)t->data)[i];
}
