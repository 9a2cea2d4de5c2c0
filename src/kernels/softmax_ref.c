#include <math.h>

#include "kernels_impl.h"

void vc__softmax_row_ref(float *a, size_t a_count, const uint8_t *a_pruned, float *b,
                         size_t b_count)
{
    double highest = -INFINITY, sum = 0.0;
    for (size_t i = 0; i < a_count; i++)
        if (!(a_pruned && a_pruned[i]) && a[i] > highest)
            highest = a[i];
    for (size_t i = 0; i < b_count; i++)
        if (b[i] > highest)
            highest = b[i];
    for (size_t i = 0; i < a_count; i++)
        if (!(a_pruned && a_pruned[i]))
            sum += exp(a[i] - highest);
    for (size_t i = 0; i < b_count; i++)
        sum += exp(b[i] - highest);
    for (size_t i = 0; i < a_count; i++)
        a[i] = a_pruned && a_pruned[i] ? 0.0f : (float)(exp(a[i] - highest) / sum);
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
