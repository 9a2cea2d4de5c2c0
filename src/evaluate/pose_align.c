/* The similarity that brings one pose nearest to another. */
#include <math.h>
#include <string.h>

#include "vitcod/pose_error.h"

enum { POINT = 3, QUATERNION = 4 };

double vc_pose_distance(const float *a, const float *b, size_t joints)
{
    double sum = 0.0;
    for (size_t j = 0; j < joints; j++) {
        double square = 0.0;
        for (size_t i = 0; i < POINT; i++)
            square += pow((double)a[POINT * j + i] - b[POINT * j + i], 2.0);
        sum += sqrt(square);
    }
    return sum / (double)joints;
}

/* One rotation of Jacobi's, which makes a[p][q] zero; v gathers them. */
static void rotate(double a[QUATERNION][QUATERNION], double v[QUATERNION][QUATERNION], size_t p,
                   size_t q)
{
    if (a[p][q] == 0.0)
        return;
    const double theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]),
                 t = (theta >= 0.0 ? 1.0 : -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0)),
                 c = 1.0 / sqrt(t * t + 1.0), s = t * c;
    for (size_t i = 0; i < QUATERNION; i++) {
        const double x = a[i][p], y = a[i][q];
        a[i][p] = c * x - s * y;
        a[i][q] = s * x + c * y;
    }
    for (size_t i = 0; i < QUATERNION; i++) {
        const double x = a[p][i], y = a[q][i], m = v[i][p], n = v[i][q];
        a[p][i] = c * x - s * y;
        a[q][i] = s * x + c * y;
        v[i][p] = c * m - s * n;
        v[i][q] = s * m + c * n;
    }
}

/* The largest eigenvalue of a symmetric matrix, and its vector. */
static double largest(double vector[QUATERNION], double a[QUATERNION][QUATERNION])
{
    double v[QUATERNION][QUATERNION] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
    size_t most = 0;
    for (int sweep = 0; sweep < 20; sweep++)
        for (size_t p = 0; p < QUATERNION; p++)
            for (size_t q = p + 1; q < QUATERNION; q++)
                rotate(a, v, p, q);
    for (size_t i = 1; i < QUATERNION; i++)
        most = a[i][i] > a[most][most] ? i : most;
    for (size_t i = 0; i < QUATERNION; i++)
        vector[i] = v[i][most];
    return a[most][most];
}

static void mean_of(double out[POINT], const float *points, size_t count)
{
    memset(out, 0, POINT * sizeof *out);
    for (size_t i = 0; i < count * POINT; i++)
        out[i % POINT] += points[i] / (double)count;
}

/* Horn's matrix from s[i][k], the sum of coordinate i of the pose times k of the truth. */
static void horn(double n[QUATERNION][QUATERNION], double s[POINT][POINT])
{
    const double rows[QUATERNION][QUATERNION] = {
        {s[0][0] + s[1][1] + s[2][2], s[1][2] - s[2][1], s[2][0] - s[0][2], s[0][1] - s[1][0]},
        {s[1][2] - s[2][1], s[0][0] - s[1][1] - s[2][2], s[0][1] + s[1][0], s[2][0] + s[0][2]},
        {s[2][0] - s[0][2], s[0][1] + s[1][0], s[1][1] - s[0][0] - s[2][2], s[1][2] + s[2][1]},
        {s[0][1] - s[1][0], s[2][0] + s[0][2], s[1][2] + s[2][1], s[2][2] - s[0][0] - s[1][1]}};
    memcpy(n, rows, sizeof rows);
}

void vc_pose_align(float *pose, const float *truth, size_t joints)
{
    double from[POINT], to[POINT], s[POINT][POINT] = {{0}}, n[QUATERNION][QUATERNION],
                                   q[QUATERNION], squares = 0.0;
    mean_of(from, pose, joints);
    mean_of(to, truth, joints);
    for (size_t j = 0; j < joints; j++)
        for (size_t i = 0; i < POINT; i++) {
            const double x = pose[POINT * j + i] - from[i];
            squares += x * x;
            for (size_t k = 0; k < POINT; k++)
                s[i][k] += x * (truth[POINT * j + k] - to[k]);
        }
    horn(n, s);
    const double scale = squares > 0.0 ? largest(q, n) / squares : 0.0;
    if (scale == 0.0)
        q[0] = 1.0, q[1] = q[2] = q[3] = 0.0;
    const double w = q[0], x = q[1], y = q[2], z = q[3];
    const double turn[POINT][POINT] = {
        {w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)},
        {2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)},
        {2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z}};
    for (size_t j = 0; j < joints; j++) {
        double moved[POINT];
        for (size_t i = 0; i < POINT; i++) {
            moved[i] = to[i];
            for (size_t k = 0; k < POINT; k++)
                moved[i] += scale * turn[i][k] * (pose[POINT * j + k] - from[k]);
        }
        for (size_t i = 0; i < POINT; i++)
            pose[POINT * j + i] = (float)moved[i];
    }
}
