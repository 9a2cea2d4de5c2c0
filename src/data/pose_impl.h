/* Between the files that read poses. */
#ifndef VC_POSE_IMPL_H
#define VC_POSE_IMPL_H

#include "vitcod/json.h"
#include "vitcod/npz_object.h"
#include "vitcod/poses.h"

typedef struct vc__pose_camera {
    double width, height, orientation[4], translation[3];
} vc__pose_camera;

/* Camera `index` of a subject; `path` is for messages. */
vc_status vc__pose_camera_read(vc__pose_camera *out, const json_t *cameras, const char *subject,
                               size_t index, const char *path);
/* Pixels (count, 2) to -1 .. 1 along the width, in place. */
void vc__pose_normalise(float *positions, size_t count, const vc__pose_camera *camera);
/* Points of the world (count, 3) as the camera sees them, in place. */
void vc__pose_turn(float *points, size_t count, const vc__pose_camera *camera);

#endif
