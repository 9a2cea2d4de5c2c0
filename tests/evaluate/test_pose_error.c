/* Poses of npz files, windows, cameras, mirror images and errors against tools/golden/poses.py. */
#include "vitcod/pose_error.h"

#include "strided.h"
#include "vitcod/json.h"

#define FOLDER "tests/data/golden/"

static const strided_kind kind = {"poses", {9, 34, 51, 16, 4, 24, 1, 2, {3, 3}, {0}}};

static vc_status open_poses(vc_poses *out, const char *subjects)
{
    return vc_poses_open(out, FOLDER "poses_2d.npz", FOLDER "poses_3d.npz",
                         FOLDER "poses_cameras.json", subjects);
}

static void check_number(double have, const json_t *golden, const char *key)
{
    const double want = json_number_value(json_object_get(golden, key));
    if (!(fabs(have - want) <= 1e-4 * want))
        fail_msg("%s is %.9g, wanted %.9g", key, have, want);
}

static void check_errors(const char *key, const char *subjects, int mirror, size_t every,
                         size_t batch)
{
    json_t *all = json_load_file("tools/golden/poses.json", 0, NULL);
    const json_t *golden = json_object_get(all, key), *actions;
    vc_model *model = strided_open(&kind, VC_CODED_NONE, 0);
    const vc_pose_options options = {.mirror = mirror, .every = every};
    vc_pose_errors e;
    vc_poses poses;
    vc_acts acts;
    assert_non_null(golden);
    assert_ok(open_poses(&poses, subjects));
    assert_ok(vc_acts_open(&acts, model, batch, 0));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_ok(vc_pose_evaluate(&e, model, &runner, &poses, &options));
    assert_int_equal(e.frames, json_integer_value(json_object_get(golden, "frames")));
    assert_int_equal(e.sequences, json_integer_value(json_object_get(golden, "sequences")));
    assert_int_equal(e.joints, 17);
    check_number(e.mpjpe, golden, "mpjpe");
    check_number(e.mpjpe_low, golden, "mpjpe_low");
    check_number(e.mpjpe_high, golden, "mpjpe_high");
    check_number(e.p_mpjpe, golden, "p_mpjpe");
    check_number(e.actions_mpjpe, golden, "actions_mpjpe");
    check_number(e.actions_p_mpjpe, golden, "actions_p_mpjpe");
    actions = json_object_get(golden, "actions");
    assert_int_equal(e.action_count, json_object_size(actions));
    for (size_t i = 0; i < e.action_count; i++) {
        const json_t *want = json_object_get(actions, e.actions[i].name);
        assert_near(e.actions[i].mpjpe, json_number_value(json_array_get(want, 0)), 0.3);
        assert_near(e.actions[i].p_mpjpe, json_number_value(json_array_get(want, 1)), 0.3);
    }
    vc_pose_errors_close(&e);
    vc_acts_close(&acts);
    vc_poses_close(&poses);
    vc_model_close(model);
    json_decref(all);
}

static void errors(void **state)
{
    (void)state;
    check_errors("all", NULL, 0, 0, 4);
    check_errors("mirrored", "S1,S9", 1, 1, 3);
    check_errors("some", "S9", 1, 2, 16);
}

static void alignment(void **state)
{
    (void)state;
    float pose[4 * 3], truth[4 * 3], flat[4 * 3] = {0};
    noise(truth, "truth", 12);
    for (size_t j = 0; j < 4; j++) { /* a quarter turn about z, twice as large, moved */
        pose[3 * j] = -2.0f * truth[3 * j + 1] + 5.0f;
        pose[3 * j + 1] = 2.0f * truth[3 * j] - 1.0f;
        pose[3 * j + 2] = 2.0f * truth[3 * j + 2];
    }
    vc_pose_align(pose, truth, 4);
    assert_near(vc_pose_distance(pose, truth, 4), 0.0, 1e-6);
    vc_pose_align(flat, truth, 4); /* all joints in one place: the middle is the best one */
    for (size_t i = 0; i < 3; i++)
        assert_near(flat[i], (truth[i] + truth[3 + i] + truth[6 + i] + truth[9 + i]) / 4.0, 1e-6);
}

static void check_refused(vc_status status, const char *why)
{
    assert_int_not_equal(status, VC_OK);
    if (!strstr(vc_last_error(), why))
        fail_msg("'%s', wanted '%s'", vc_last_error(), why);
}

static void refused(void **state)
{
    (void)state;
    const char *in = FOLDER "poses_2d.npz", *truth = FOLDER "poses_3d.npz";
    vc_poses poses;
    check_refused(open_poses(&poses, "S2"), "no poses of subject 'S2'");
    check_refused(open_poses(&poses, "S9,S2"), "no poses of subject 'S2'");
    check_refused(vc_poses_open(&poses, in, truth, NULL, NULL),
                  "is seen by 2 cameras, which --cameras describes");
    check_refused(vc_poses_open(&poses, truth, in, NULL, NULL), "no positions_2d.npy");
    check_refused(vc_poses_open(&poses, in, FOLDER "poses_cameras.json", NULL, NULL),
                  "no npz archive");
    check_refused(vc_poses_open(&poses, in, truth, in, NULL), "poses_2d.npz");
    check_refused(vc_poses_open(&poses, FOLDER "poses_two_partners.npz", truth, NULL, NULL),
                  "pairs joint 1 with 5, one of which has another");
}

/* What a model makes that is no number is none in the mean either; a long name is not cut. */
static void refused_of_a_model(void **state)
{
    (void)state;
    vc_model *model = strided_open(&kind, VC_CODED_NONE, 0);
    const vc_pose_options options = {0};
    vc_pose_errors e;
    vc_poses poses;
    vc_acts acts;
    char name[65];
    memset(name, 'a', 64);
    name[64] = '\0';
    assert_ok(open_poses(&poses, "S9"));
    assert_ok(vc_acts_open(&acts, model, 4, 0));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    free(poses.sequences[0].action);
    poses.sequences[0].action = strdup(name);
    check_refused(vc_pose_evaluate(&e, model, &runner, &poses, &options),
                  "a name of 64 bytes, wanted at most 63");
    const vc_param *bias = &model->params[model->param_count - 1];
    for (size_t i = 0; i < bias->count; i++)
        bias->data[i] = NAN;
    check_refused(vc_pose_evaluate(&e, model, &runner, &poses, &options),
                  "frame 0: the distance is nan, wanted a finite one");
    vc_acts_close(&acts);
    vc_poses_close(&poses);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors), cmocka_unit_test(alignment),
                                       cmocka_unit_test(refused),
                                       cmocka_unit_test(refused_of_a_model)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
