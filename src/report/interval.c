/* Intervals that hold the true value in 95 of 100 cases. */
#include <math.h>

#include "report_impl.h"

static const double z = 1.959964; /* of the normal distribution, 97.5 % */

/* Wilson (1927), of a share p seen in n cases. */
vc__interval vc__share_interval(double p, double n)
{
    const double shrunk = 1.0 + z * z / n, middle = (p + z * z / (2.0 * n)) / shrunk,
                 half = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n)) / shrunk;
    return (vc__interval){fmax(0.0, middle - half), fmin(1.0, middle + half)};
}

/* Newcombe (1998), method 10: of p - q, seen in n and m cases that know nothing of each other. */
vc__interval vc__difference_interval(double p, double n, double q, double m)
{
    const vc__interval a = vc__share_interval(p, n), b = vc__share_interval(q, m);
    return (vc__interval){p - q - hypot(p - a.low, b.high - q),
                          p - q + hypot(a.high - p, q - b.low)};
}

/* McGill, Tukey and Larsen (1978): of a median, from the quartiles of n samples, here of their
 * logarithms: times and ratios are never negative, and their long tail is one of slow runs. */
vc__interval vc__median_interval(double median, double low, double high, double n)
{
    const double factor = exp(1.57 * log(high / low) / sqrt(n));
    return (vc__interval){median / factor, median * factor};
}
