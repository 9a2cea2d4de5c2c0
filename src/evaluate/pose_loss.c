#include <math.h>

#include "vitcod/loss.h"

enum { POINT = 3 };

double vc_pose_loss(float *dposes, const float *poses, const float *wanted, size_t count,
                    size_t joints, double weight)
{
    const size_t points = count * joints;
    double total = 0.0;
    for (size_t p = 0; p < points; p++) {
        double by[POINT], square = 0.0;
        for (size_t i = 0; i < POINT; i++) {
            by[i] = (double)poses[POINT * p + i] - wanted[POINT * p + i];
            square += by[i] * by[i];
        }
        const double distance = sqrt(square);
        total += distance; /* a NaN stays one */
        for (size_t i = 0; dposes && i < POINT; i++) {
            const double slope = distance > 0.0 ? by[i] / distance : 0.0;
            float *d = &dposes[POINT * p + i];
            *d = (float)((1.0 - weight) * *d + weight * slope / (double)points);
        }
    }
    return total / (double)points;
}
