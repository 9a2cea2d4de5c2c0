#include <stdlib.h>

#include "vitcod/profile.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

vc_spread vc_spread_of(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, ascending);
    return (vc_spread){samples[count / 2], samples[count / 4], samples[count * 3 / 4]};
}
