/* What eval does with a model of poses. */
#ifndef VC_EVAL_POSES_H
#define VC_EVAL_POSES_H

#include "cli.h"
#include "open_data.h"
#include "vitcod/pose_error.h"

typedef struct eval_pose_options {
    int mirror;
} eval_pose_options;

#define EVAL_POSE_OPTIONS(data, options)                                                           \
    {"truth",                                                                                      \
     "FILE",                                                                                       \
     "of a model of poses: npz with positions_3d of the --data, an npz with positions_2d",         \
     CLI_TEXT,                                                                                     \
     &(data).poses.truth,                                                                          \
     .files = "npz"},                                                                              \
    {                                                                                              \
        "mirror", NULL, "with --truth: the mean with the mirrored poses, turned back", CLI_FLAG,   \
            &(options).mirror                                                                      \
    }

/* CLI_CONTINUE for options that can be followed. */
int eval_check_poses(const cli_command *command, const eval_pose_options *options,
                     const cli_data_options *data);
/* Whether the model takes what the options name. */
vc_status eval_check_pose_model(const cli_data_options *data, const vc_model *model);
vc_status eval_poses(vc_pose_errors *out, const eval_pose_options *options,
                     const cli_data_options *data, const vc_model *model, const vc_runner *runner);
void eval_print_poses(const vc_pose_errors *errors, const char *dtype);

#endif
