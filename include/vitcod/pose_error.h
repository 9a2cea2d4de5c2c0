/* How far poses in 3-D are from the truth. */
#ifndef VITCOD_POSE_ERROR_H
#define VITCOD_POSE_ERROR_H

#include "vitcod/evaluate.h"
#include "vitcod/poses.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_pose_action {
    char name[64];
    size_t frames;
    double mpjpe, p_mpjpe; /* mm */
} vc_pose_action;

/* Means over frames, in mm where the truth is in metres. MPJPE (protocol 1) is the mean distance of
 * the joints, both poses relative to joint 0; P-MPJPE (protocol 2) the same behind the similarity
 * that brings them nearest. The interval holds the mean of other sequences of the same kind in 95
 * of 100 cases: frames of one sequence are not independent, so it is that of a ratio of sums over
 * sequences; of one sequence there is none, and low and high are NaN. */
typedef struct vc_pose_errors {
    size_t frames, sequences, joints;
    double mpjpe, mpjpe_low, mpjpe_high, p_mpjpe;
    double actions_mpjpe, actions_p_mpjpe; /* means over actions, as papers have them */
    double frames_per_s;
    vc_pose_action *actions;
    size_t action_count;
} vc_pose_errors;
extern const vc_record vc_pose_errors_record;

typedef struct vc_pose_options {
    int mirror;            /* the mean of a sequence and of its mirror image, turned back */
    size_t every;          /* each how many-th frame is looked at; 0: each */
    vc_progress *progress; /* NULL: none */
} vc_pose_options;

/* VC_EINVAL where the model takes other poses or none. */
vc_status vc_pose_evaluate(vc_pose_errors *out, const vc_model *model, const vc_runner *runner,
                           const vc_poses *poses, const vc_pose_options *options);
void vc_pose_errors_close(vc_pose_errors *errors);

/* Mean distance of joints of (joints, 3). */
double vc_pose_distance(const float *a, const float *b, size_t joints);
/* Brings `pose` as near to `truth` as turning, scaling and moving can (Horn 1987). */
void vc_pose_align(float *pose, const float *truth, size_t joints);

#ifdef __cplusplus
}
#endif

#endif
