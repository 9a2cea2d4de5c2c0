/* Poses of npz files, windows, cameras, mirror images and errors against tools/golden/poses.py. */
#include "vitcod/pose_error.h"

#include "strided.h"
#include "vitcod/json.h"
#include "vitcod/loss.h"

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

/* Of finite numbers a camera may make others. */
static void refused_of_cameras(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        double value;
        const char *why;
    } cases[] = {{"res_w", 1e-300, "S9/Walking/0: value 0 is not finite as its camera sees it"},
                 {"res_h", 1e300, "S9/Walking/0: value 1 is not finite as its camera sees it"},
                 {"res_w", 0.0, "res_w 0 and res_h 1002, wanted both above 0"}};
    const char *path = temporary("cameras.json");
    vc_poses poses;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *all = json_load_file(FOLDER "poses_cameras.json", 0, NULL);
        json_object_set_new(json_array_get(json_object_get(all, "S9"), 0), cases[i].key,
                            json_real(cases[i].value));
        assert_int_equal(json_dump_file(all, path, 0), 0);
        check_refused(
            vc_poses_open(&poses, FOLDER "poses_2d.npz", FOLDER "poses_3d.npz", path, "S9"),
            cases[i].why);
        json_decref(all);
    }
}

/* Every so many-th frame, however many that is. */
static void first_frames_alone(void **state)
{
    (void)state;
    vc_model *model = strided_open(&kind, VC_CODED_NONE, 0);
    const vc_pose_options options = {.every = SIZE_MAX};
    vc_pose_errors e;
    vc_poses poses;
    vc_acts acts;
    assert_ok(open_poses(&poses, NULL));
    assert_ok(vc_acts_open(&acts, model, 4, 0));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_ok(vc_pose_evaluate(&e, model, &runner, &poses, &options));
    assert_int_equal(e.frames, poses.count);
    assert_true(isfinite(e.mpjpe));
    vc_pose_errors_close(&e);
    vc_acts_close(&acts);
    vc_poses_close(&poses);
    vc_model_close(model);
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

/* What judges epochs is the same. */
static void of_a_source(void **state)
{
    (void)state;
    json_t *all = json_load_file("tools/golden/poses.json", 0, NULL);
    vc_model *model = strided_open(&kind, VC_CODED_NONE, 0);
    vc_source_options how = vc_source_options_default();
    const vc_evaluate_options options = vc_evaluate_options_default();
    vc_source *source;
    vc_evaluation e;
    vc_acts acts;
    how.truth = FOLDER "poses_3d.npz";
    how.cameras = FOLDER "poses_cameras.json";
    assert_ok(vc_source_open(&source, FOLDER "poses_2d.npz", &how));
    assert_ok(vc_acts_open(&acts, model, 7, 0));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_ok(vc_evaluate(&e, model, source, &runner, &options));
    assert_int_equal(e.images, 64);
    check_number(e.mpjpe, json_object_get(all, "all"), "mpjpe");
    assert_near(e.loss, e.mpjpe / 1000.0, 1e-9);
    vc_acts_close(&acts);
    vc_source_close(source);
    vc_model_close(model);
    json_decref(all);
}

static void loss(void **state)
{
    (void)state;
    const float poses[] = {1, 2, 3, 0, 0, 0, 0, 3, 4, 1, 1, 1}, wanted[12] = {1, 2, 3};
    float d[12], unlike[12] = {NAN};
    for (size_t i = 0; i < 12; i++)
        d[i] = 8.0f;
    /* distances 0, 0, 5 and sqrt(3); where a joint is right only what was there before counts */
    assert_near(vc_pose_loss(d, poses, wanted, 2, 2, 0.25), (5.0 + sqrt(3.0)) / 4.0, 1e-12);
    for (size_t i = 0; i < 6; i++)
        assert_near(d[i], 6.0, 1e-6);
    assert_near(d[7], 6.0 + 0.25 * 0.6 / 4.0, 1e-6);
    assert_near(d[8], 6.0 + 0.25 * 0.8 / 4.0, 1e-6);
    assert_near(d[9], 6.0 + 0.25 / sqrt(3.0) / 4.0, 1e-6);
    assert_true(isnan(vc_pose_loss(NULL, poses, unlike, 2, 2, 1.0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors),
                                       cmocka_unit_test(alignment),
                                       cmocka_unit_test(refused_of_cameras),
                                       cmocka_unit_test(first_frames_alone),
                                       cmocka_unit_test(refused),
                                       cmocka_unit_test(refused_of_a_model),
                                       cmocka_unit_test(of_a_source),
                                       cmocka_unit_test(loss)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
