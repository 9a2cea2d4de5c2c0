#include "eval_poses.h"

#include <math.h>
#include <stdio.h>

#include "vitcod/comm.h"
#include "vitcod/plural.h"

int eval_check_poses(const cli_command *command, const eval_pose_options *o,
                     const cli_data_options *data)
{
    const cli_pose_options *p = &data->poses;
    if (!p->truth && (p->cameras || p->subjects || p->every || o->mirror))
        return cli_usage(command, "--cameras, --subjects, --every and --mirror belong to --truth");
    if (p->truth && (data->paths.count > 1 || data->limit || data->sample || data->classes ||
                     data->exif || data->convert || data->skip_broken))
        return cli_usage(command, "with --truth wanted one --data, and no --limit, --sample, "
                                  "--classes, --exif, --convert-channels or --skip-broken");
    return CLI_CONTINUE;
}

vc_status eval_check_pose_model(const cli_data_options *data, const vc_model *model)
{
    const cli_pose_options *o = &data->poses;
    const char *family = vc_model_family(&model->config);
    const size_t joints = vc_model_input_of(&model->config).joints;
    if (o->truth && vc_comm_size() > 1)
        return vc_fail(VC_EUNSUPPORTED, "--truth runs in one process, not in %d", vc_comm_size());
    if (o->truth && joints == 0)
        return vc_fail(VC_EINVAL, "%s: poses, but a %s takes pictures", o->truth, family);
    if (!o->truth && joints > 0)
        return vc_fail(VC_EINVAL,
                       "a %s takes poses: wanted --truth, and --data with an npz of them", family);
    return VC_OK;
}

vc_status eval_poses(vc_pose_errors *out, const eval_pose_options *o, const cli_data_options *data,
                     const vc_model *model, const vc_runner *runner)
{
    const cli_pose_options *p = &data->poses;
    vc_poses poses;
    VC_TRY(vc_poses_open(&poses, data->paths.items[0], p->truth, p->cameras, p->subjects));
    vc_progress progress = vc_progress_begin("evaluating", poses.count);
    const vc_pose_options how = {.mirror = o->mirror, .every = p->every, .progress = &progress};
    const vc_status status = vc_pose_evaluate(out, model, runner, &poses, &how);
    vc_progress_end(&progress);
    vc_poses_close(&poses);
    return status;
}

void eval_print_poses(const vc_pose_errors *e, const char *dtype)
{
    printf("MPJPE %.2f mm", e->mpjpe);
    if (isfinite(e->mpjpe_low))
        printf(" (95 %%: %.2f to %.2f)", e->mpjpe_low, e->mpjpe_high);
    printf("  P-MPJPE %.2f mm  over actions %.2f and %.2f mm  on %zu %s of %zu %s, %s, %.0f "
           "frames/s\n",
           e->p_mpjpe, e->actions_mpjpe, e->actions_p_mpjpe, e->frames,
           vc_plural(e->frames, "frame", "frames"), e->sequences,
           vc_plural(e->sequences, "sequence", "sequences"), dtype, e->frames_per_s);
}
