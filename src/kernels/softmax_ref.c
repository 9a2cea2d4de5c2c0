#include <math.h>

#include "kernels_impl.h"

static int takes_part(const uint16_t *kept, size_t i)
{
    return !kept || (kept[i / 16] >> i % 16 & 1);
}

void vc__softmax_row_ref(float *a, size_t a_count, const uint16_t *a_kept, float *b, size_t b_count)
{
    double highest = -INFINITY, sum = 0.0;
    for (size_t i = 0; i < a_count; i++)
        if (takes_part(a_kept, i) && a[i] > highest)
            highest = a[i];
    for (size_t i = 0; i < b_count; i++)
        if (b[i] > highest)
            highest = b[i];
    for (size_t i = 0; i < a_count; i++)
        if (takes_part(a_kept, i))
            sum += exp(a[i] - highest);
    for (size_t i = 0; i < b_count; i++)
        sum += exp(b[i] - highest);
    for (size_t i = 0; i < a_count; i++)
        a[i] = takes_part(a_kept, i) ? (float)(exp(a[i] - highest) / sum) : 0.0f;
    for (size_t i = 0; i < b_count; i++)
        b[i] = (float)(exp(b[i] - highest) / sum);
}

void vc__softmax_row_backward_ref(float *da, const float *a, size_t a_count, float *db,
                                  const float *b, size_t b_count)
{
    double dot = 0.0;
    for (size_t i = 0; i < a_count; i++)
        dot += (double)da[i] * a[i];
    for (size_t i = 0; i < b_count; i++)
        dot += (double)db[i] * b[i];
    for (size_t i = 0; i < a_count; i++)
        da[i] = (float)(a[i] * (da[i] - dot));
    for (size_t i = 0; i < b_count; i++)
        db[i] = (float)(b[i] * (db[i] - dot));
}
