/* Cameras that looked at poses. */
#include <math.h>

#include "pose_impl.h"

static vc_status read_numbers(double *out, size_t count, const json_t *camera, const char *key,
                              const char *what)
{
    const json_t *list = json_object_get(camera, key);
    if (json_array_size(list) != count)
        return vc_fail(VC_EFORMAT, "%s: '%s' has %zu numbers, wanted %zu", what, key,
                       json_array_size(list), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value))
            return vc_fail(VC_EFORMAT, "%s: '%s' holds something else than numbers", what, key);
        out[i] = json_number_value(value);
    }
    return VC_OK;
}

vc_status vc__pose_camera_read(vc__pose_camera *out, const json_t *cameras, const char *subject,
                               size_t index, const char *path)
{
    const json_t *camera = json_array_get(json_object_get(cameras, subject), index);
    char what[512];
    double length = 0.0;
    if (!json_is_object(camera))
        return vc_fail(VC_EFORMAT, "%s: no camera %zu of subject '%s'", path, index, subject);
    snprintf(what, sizeof what, "%.300s: camera %zu of '%.60s'", path, index, subject);
    out->width = vc_json_number(camera, "res_w");
    out->height = vc_json_number(camera, "res_h");
    if (!(out->width > 0.0) || !(out->height > 0.0))
        return vc_fail(VC_EFORMAT, "%s: res_w %g and res_h %g, wanted both above 0", what,
                       out->width, out->height);
    VC_TRY(read_numbers(out->orientation, 4, camera, "orientation", what));
    VC_TRY(read_numbers(out->translation, 3, camera, "translation", what));
    for (size_t i = 0; i < 4; i++)
        length += out->orientation[i] * out->orientation[i];
    if (!(fabs(length - 1.0) < 1e-3))
        return vc_fail(VC_EFORMAT, "%s: an orientation of length %g, wanted a unit quaternion",
                       what, sqrt(length));
    return VC_OK;
}

void vc__pose_normalise(float *positions, size_t count, const vc__pose_camera *c)
{
    for (size_t i = 0; i < count; i++) {
        positions[2 * i] = (float)(positions[2 * i] / c->width * 2.0 - 1.0);
        positions[2 * i + 1] =
            (float)(positions[2 * i + 1] / c->width * 2.0 - c->height / c->width);
    }
}

static void cross(double out[3], const double a[3], const double b[3])
{
    for (size_t i = 0; i < 3; i++)
        out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
}

/* By the inverse of the quaternion: v + 2 (w (u x v) + u x (u x v)), u its vector turned around. */
void vc__pose_turn(float *points, size_t count, const vc__pose_camera *c)
{
    const double *q = c->orientation, u[3] = {-q[1], -q[2], -q[3]};
    for (size_t p = 0; p < count; p++) {
        double v[3], once[3], twice[3];
        for (size_t i = 0; i < 3; i++)
            v[i] = points[3 * p + i] - c->translation[i];
        cross(once, u, v);
        cross(twice, u, once);
        for (size_t i = 0; i < 3; i++)
            points[3 * p + i] = (float)(v[i] + 2.0 * (q[0] * once[i] + twice[i]));
    }
}
