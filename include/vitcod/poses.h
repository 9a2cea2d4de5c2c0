/* Sequences of poses in 2-D with what they are in 3-D, as the tools of VideoPose3D (Pavllo et al.
 * 2019) write them for Human3.6M and HumanEva. */
#ifndef VITCOD_POSES_H
#define VITCOD_POSES_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_pose_sequence {
    char *name;   /* "S9/Walking 1/0": subject, action, number of the camera */
    char *action; /* "Walking": without the number of the take */
    size_t frames;
    float *positions; /* (frames, joints, 2) as a model takes them */
    float *truth;     /* (frames, joints, 3) relative to joint 0, which is 0; NULL: not known */
} vc_pose_sequence;

typedef struct vc_poses {
    size_t joints, count;
    vc_pose_sequence *sequences;
    size_t *mirrored; /* (joints) the same joint of the other side */
} vc_poses;

/* `positions`: an npz with positions_2d (subjects, actions, a list with an array (frames,
 * joints, 2) of each camera) and metadata, whose keypoints_symmetry has the joints of the left
 * and right side. `truth`: one with positions_3d (subjects, actions, an array (frames, joints,
 * 3); of Human3.6M's 32 joints the 17 that its tools keep); NULL: not known. `cameras`: JSON, for
 * each subject a list of objects with res_w and res_h (pixels), orientation (a unit quaternion, w
 * first) and translation, in the unit of the truth: positions are scaled to -1 to 1 along the
 * width, and the truth turned into the camera. NULL: both are as the model takes them already,
 * which for a truth needs one camera. `subjects`: "S9,S11"; NULL: all. More frames in 2-D than in
 * 3-D are left out at the end. VC_EFORMAT and VC_EINVAL name what does not fit. */
vc_status vc_poses_open(vc_poses *out, const char *positions, const char *truth,
                        const char *cameras, const char *subjects);
void vc_poses_close(vc_poses *poses);

/* Of so many frames the first and every `every`-th behind it. */
static inline size_t vc_poses_taken(size_t frames, size_t every)
{
    return frames / every + (frames % every != 0);
}

/* The window (frames, joints, 2) around frame `at` of a sequence: beyond its ends the first and the
 * last frame go on. `mirrored`: left and right exchanged. */
void vc_poses_window(float *out, size_t frames, const vc_poses *poses, size_t sequence, size_t at,
                     int mirrored);
/* The same of what they are in 3-D (frames, joints, 3), where that is known. */
void vc_poses_truth(float *out, size_t frames, const vc_poses *poses, size_t sequence, size_t at,
                    int mirrored);

#ifdef __cplusplus
}
#endif

#endif
