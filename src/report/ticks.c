#include <math.h>

#include "report_impl.h"

/* A step between ticks of about this size: 1, 2 or 5 times a power of ten. */
static double round_step(double least)
{
    const double power = pow(10.0, floor(log10(least)));
    const double digit = least / power;
    return power * (digit < 1.5 ? 1.0 : digit < 3.5 ? 2.0 : digit < 7.5 ? 5.0 : 10.0);
}

size_t vc__ticks(double ticks[VC__MOST_TICKS], double low, double high, size_t wanted)
{
    size_t count = 0;
    if (!(high > low)) {
        ticks[0] = low;
        return 1;
    }
    const double step = round_step((high - low) / (double)wanted), slack = step * 1e-6;
    const double first = ceil((low - slack) / step);
    while (count < VC__MOST_TICKS && (first + (double)count) * step <= high + slack) {
        ticks[count] = (first + (double)count) * step;
        count++;
    }
    return count;
}

const char *vc__tick(char text[VC__NUMBER], double value)
{
    static const struct {
        double size;
        const char *name;
    } units[] = {{1e9, "G"}, {1e6, "M"}, {1e4, "k"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (fabs(value) >= units[i].size && fabs(value) < 1e13) {
            snprintf(text, VC__NUMBER, "%.3g %s",
                     value / (units[i].size == 1e4 ? 1e3 : units[i].size), units[i].name);
            return text;
        }
    return vc__number(text, value);
}

size_t vc__log_ticks(double ticks[VC__MOST_TICKS], double low, double high)
{
    static const double digits[] = {1.0, 2.0, 5.0};
    const double decades = log10(high / low);
    const size_t per_decade = decades < 1.5 ? 3 : 1;
    const double stride = fmax(1.0, ceil(decades / 7.0)), first = floor(log10(low));
    size_t count = 0;
    for (size_t i = 0; i < VC__MOST_TICKS; i++)
        for (size_t d = 0; d < per_decade; d++) {
            const double at = digits[d] * pow(10.0, first + (double)i * stride);
            if (at >= low * (1.0 - 1e-9) && at <= high * (1.0 + 1e-9) && count < VC__MOST_TICKS)
                ticks[count++] = at;
        }
    return count;
}
