/* What the kernels have in common. */
#define LANES 64 /* of every work-group */
#define LOWEST -3.4e38f

/* Activations are numbered as vc_activation is; precisions as vc_precision is, and a narrow value
 * has two bytes. NARROW is the precision of what is narrow. */
static DEVICE float activate(float x, int activation)
{
    if (activation == 1)
        return 0.5f * x * ERFC(-0.70710678f * x);
    if (activation == 2)
        return x * (x < -3.0f ? 0.0f : x > 3.0f ? 6.0f : x + 3.0f) * (1.0f / 6.0f);
    if (activation == 3)
        return x / (1.0f + EXP(-x));
    if (activation == 4)
        return x / (1.0f + EXP(-1.702f * x));
    if (activation == 5)
        return TANH(x);
    if (activation == 6)
        return x < 0.0f ? 0.0f : x;
    return x;
}

static DEVICE float widen(bits16 x)
{
#if NARROW == 1
    return AS_FLOAT((bits32)x << 16);
#else
    return half_to_float(x);
#endif
}

static DEVICE bits16 narrow(float x)
{
#if NARROW == 1
    const bits32 bits = AS_BITS(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) /* not a number, and to stay none */
        return (bits16)(bits >> 16 | 0x40u);
    return (bits16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#else
    return float_to_half(x);
#endif
}

/* Of memory: in half as the language has it. */
#if NARROW == 1
#define LOAD_NARROW(x, at) widen(((GLOBAL const bits16 *)(x))[at])
#define STORE_NARROW(y, at, value) ((GLOBAL bits16 *)(y))[at] = narrow(value)
#else
#define LOAD_NARROW(x, at) LOAD_HALF(x, at)
#define STORE_NARROW(y, at, value) STORE_HALF(y, at, value)
#endif

static DEVICE float value_at(GLOBAL const void *x, long at, int is_narrow)
{
    return is_narrow ? LOAD_NARROW(x, at) : ((GLOBAL const float *)x)[at];
}

static DEVICE void set_value(GLOBAL void *y, long at, float value, int is_narrow)
{
    if (is_narrow)
        STORE_NARROW(y, at, value);
    else
        ((GLOBAL float *)y)[at] = value;
}
