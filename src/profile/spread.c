#include <stdlib.h>

#include "vitcod/profile.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_spread, median, "", "of all samples")},
    {VC_FIELD_AS(vc_spread, low, "quartile_low", "", "a quarter of the samples lies below")},
    {VC_FIELD_AS(vc_spread, high, "quartile_high", "", "a quarter of the samples lies above")},
};
const vc_record vc_spread_record = VC_RECORD("spread", vc_spread, fields);

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

vc_spread vc_spread_scaled(vc_spread s, double factor)
{
    return (vc_spread){factor * s.median, factor * s.low, factor * s.high};
}
