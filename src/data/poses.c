/* Poses from npz files, paired with what they are in 3-D. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pose_impl.h"

enum { MOST_NAMES = 4096, MOST_LETTERS = 255, MOST_SEQUENCES = 1 << 16 };
enum { HUMAN36M = 32, KEPT = 17 };
/* Of Human3.6M's joints those that its tools keep: hip, legs, spine, neck, head, arms. */
static const size_t kept[KEPT] = {0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27};

typedef struct reader {
    vc_poses *out;
    const char *positions, *truth, *cameras; /* paths */
    vc_npz_object *in_2d, *in_3d;
    const vc_npz_value *actions_3d; /* of the subject that is being read */
    json_t *camera_list;
} reader;

/* What follows the first of "S9,S11"; NULL: nothing. */
static const char *next_subject(const char *subjects)
{
    const char *comma = strchr(subjects, ',');
    return comma ? comma + 1 : NULL;
}

static int is_wanted(const char *subject, const char *subjects)
{
    const size_t length = strlen(subject);
    for (const char *at = subjects; at; at = next_subject(at))
        if (strncmp(at, subject, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return 1;
    return subjects == NULL;
}

static vc_status check_subjects(const reader *r, const char *subjects)
{
    const vc_npz_value *top = vc_npz_object_top(r->in_2d);
    for (const char *at = subjects; at; at = next_subject(at)) {
        const size_t length = strcspn(at, ",");
        size_t s = 0;
        for (; s < vc_npz_count(top); s++) {
            const char *subject = vc_npz_key(top, s);
            if (subject && strlen(subject) == length && strncmp(subject, at, length) == 0)
                break;
        }
        if (s == vc_npz_count(top))
            return vc_fail(VC_EFORMAT, "%s: no poses of subject '%.*s'", r->positions, (int)length,
                           at);
    }
    return VC_OK;
}

/* A dict finds a name by comparing it with each of its own, so these must be few and short. */
static vc_status check_names(const vc_npz_value *dict, const char *what, const char *path)
{
    const size_t count = vc_npz_count(dict);
    if (count > MOST_NAMES)
        return vc_fail(VC_EFORMAT, "%s: %zu entries, wanted at most %d %s", path, count, MOST_NAMES,
                       what);
    for (size_t i = 0; i < count; i++) {
        const char *name = vc_npz_key(dict, i);
        if (name && strlen(name) > MOST_LETTERS)
            return vc_fail(VC_EFORMAT, "%s: a name of %zu bytes, wanted %s of at most %d", path,
                           strlen(name), what, MOST_LETTERS);
    }
    return VC_OK;
}

static vc_pose_sequence *add_sequence(vc_poses *poses)
{
    vc_pose_sequence *grown =
        realloc(poses->sequences, (poses->count + 1) * sizeof *poses->sequences);
    if (!grown)
        return NULL;
    poses->sequences = grown;
    grown[poses->count] = (vc_pose_sequence){0};
    return &grown[poses->count++];
}

static char *name_of(const char *subject, const char *action, size_t camera)
{
    const size_t room = strlen(subject) + strlen(action) + 32;
    char *out = malloc(room);
    if (out)
        snprintf(out, room, "%s/%s/%zu", subject, action, camera);
    return out;
}

/* Human3.6M's joints become those that are kept, in place. */
static void keep_joints(vc_npz_array *a)
{
    for (size_t f = 0; f < a->shape[0]; f++)
        for (size_t j = 0; j < KEPT; j++)
            memmove(a->data + (f * KEPT + j) * 3, a->data + (f * HUMAN36M + kept[j]) * 3,
                    3 * sizeof *a->data);
    a->shape[1] = KEPT;
}

static vc_status read_truth(vc_npz_array *out, const reader *r, const char *subject,
                            const char *action, size_t joints)
{
    char what[600];
    snprintf(what, sizeof what, "%.300s: %.60s, '%.100s'", r->truth, subject, action);
    VC_TRY(vc_npz_floats(out, vc_npz_find(r->actions_3d, action), what));
    if (out->rank == 3 && out->shape[1] == HUMAN36M && joints == KEPT && out->shape[2] == 3)
        keep_joints(out);
    if (out->rank == 3 && out->shape[1] == joints && out->shape[2] == 3)
        return VC_OK;
    free(out->data);
    return vc_fail(VC_EFORMAT, "%s: an array of rank %zu, %zu x %zu, wanted (frames, %zu, 3)", what,
                   out->rank, out->rank > 1 ? out->shape[1] : 0, out->rank > 2 ? out->shape[2] : 0,
                   joints);
}

/* Every joint relative to the first. */
static void centre(float *truth, size_t frames, size_t joints)
{
    for (size_t f = 0; f < frames; f++, truth += joints * 3)
        for (size_t i = joints * 3; i-- > 0;)
            truth[i] -= truth[i % 3];
}

static vc_status check_positions(const vc_npz_array *a, vc_poses *poses, const char *what)
{
    if (a->rank != 3 || a->shape[2] != 2 || (poses->joints && a->shape[1] != poses->joints))
        return vc_fail(VC_EFORMAT,
                       "%s: an array of rank %zu with %zu joints, wanted (frames, "
                       "joints, 2) with as many everywhere",
                       what, a->rank, a->rank > 1 ? a->shape[1] : 0);
    poses->joints = a->shape[1];
    return VC_OK;
}

static vc_status check_seen(const float *values, size_t count, const reader *r,
                            const vc_pose_sequence *s)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return vc_fail(VC_EINVAL, "%s: %s: value %zu is not finite as its camera sees it (%s)",
                           r->positions, s->name, i, r->cameras ? r->cameras : "none");
    return VC_OK;
}

static vc_status use_camera(const reader *r, vc_pose_sequence *s, const char *subject, size_t index,
                            size_t joints)
{
    vc__pose_camera camera;
    if (r->camera_list) {
        VC_TRY(vc__pose_camera_read(&camera, r->camera_list, subject, index, r->cameras));
        vc__pose_normalise(s->positions, s->frames * joints, &camera);
        if (s->truth)
            vc__pose_turn(s->truth, s->frames * joints, &camera);
    }
    if (s->truth)
        centre(s->truth, s->frames, joints);
    VC_TRY(check_seen(s->positions, s->frames * joints * 2, r, s));
    return s->truth ? check_seen(s->truth, s->frames * joints * 3, r, s) : VC_OK;
}

static vc_status read_camera(const reader *r, const vc_npz_value *list, size_t index,
                             const char *subject, const char *action)
{
    vc_pose_sequence *s = add_sequence(r->out);
    vc_npz_array in, truth = {0};
    char what[600];
    if (!s || !(s->name = name_of(subject, action, index)) || !(s->action = strdup(action)))
        return vc_fail(VC_ENOMEM, "%s: out of memory", r->positions);
    if (strchr(s->action, ' ')) /* the number of the take */
        *strchr(s->action, ' ') = '\0';
    snprintf(what, sizeof what, "%.300s: %.200s", r->positions, s->name);
    VC_TRY(vc_npz_floats(&in, vc_npz_item(list, index), what));
    s->positions = in.data;
    VC_TRY(check_positions(&in, r->out, what));
    s->frames = in.shape[0];
    if (!r->in_3d)
        return use_camera(r, s, subject, index, r->out->joints);
    VC_TRY(read_truth(&truth, r, subject, action, r->out->joints));
    s->truth = truth.data;
    s->frames = truth.shape[0];
    if (in.shape[0] < s->frames)
        return vc_fail(VC_EFORMAT, "%s: %zu frames, wanted the %zu that it has in 3-D", what,
                       in.shape[0], s->frames);
    return use_camera(r, s, subject, index, r->out->joints);
}

static vc_status read_action(const reader *r, const vc_npz_value *list, const char *subject,
                             const char *action)
{
    const size_t cameras = vc_npz_count(list);
    if (cameras == 0)
        return vc_fail(VC_EFORMAT, "%s: %s, '%s' has no arrays of cameras", r->positions, subject,
                       action);
    if (cameras > 1 && !r->camera_list && r->in_3d)
        return vc_fail(VC_EINVAL, "%s: %s, '%s' is seen by %zu cameras, which --cameras describes",
                       r->positions, subject, action, cameras);
    if (cameras > MOST_SEQUENCES - r->out->count)
        return vc_fail(VC_EFORMAT, "%s: %zu sequences up to %s, '%s', wanted at most %d",
                       r->positions, r->out->count + cameras, subject, action, MOST_SEQUENCES);
    for (size_t c = 0; c < cameras; c++)
        VC_TRY(read_camera(r, list, c, subject, action));
    return VC_OK;
}

static vc_status read_subject(reader *r, const vc_npz_value *actions, const char *subject)
{
    static const char what[] = "actions of a subject";
    VC_TRY(check_names(actions, what, r->positions));
    if (r->in_3d) {
        r->actions_3d = vc_npz_find(vc_npz_object_top(r->in_3d), subject);
        VC_TRY(check_names(r->actions_3d, what, r->truth));
    }
    for (size_t a = 0; a < vc_npz_count(actions); a++) {
        const char *action = vc_npz_key(actions, a);
        if (!action)
            return vc_fail(VC_EFORMAT, "%s: '%s' holds poses without an action's name",
                           r->positions, subject);
        VC_TRY(read_action(r, vc_npz_item(actions, a), subject, action));
    }
    return VC_OK;
}

static vc_status read_all(reader *r, const char *subjects)
{
    const vc_npz_value *top = vc_npz_object_top(r->in_2d);
    VC_TRY(check_names(top, "subjects", r->positions));
    if (r->in_3d)
        VC_TRY(check_names(vc_npz_object_top(r->in_3d), "subjects", r->truth));
    VC_TRY(check_subjects(r, subjects));
    for (size_t s = 0; s < vc_npz_count(top); s++) {
        const char *subject = vc_npz_key(top, s);
        if (!subject)
            return vc_fail(VC_EFORMAT, "%s: positions_2d holds what no subject's name stands for",
                           r->positions);
        if (is_wanted(subject, subjects))
            VC_TRY(read_subject(r, vc_npz_item(top, s), subject));
    }
    return r->out->count ? VC_OK : vc_fail(VC_EFORMAT, "%s: no poses", r->positions);
}

/* keypoints_symmetry of the metadata: two lists, as long as each other. */
static vc_status read_symmetry(vc_poses *out, const char *path)
{
    vc_npz_object *metadata;
    vc_status status = VC_OK;
    out->mirrored = calloc(out->joints, sizeof *out->mirrored);
    if (!out->mirrored)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t j = 0; j < out->joints; j++)
        out->mirrored[j] = j;
    VC_TRY(vc_npz_object_open(&metadata, path, "metadata"));
    const vc_npz_value *both = vc_npz_find(vc_npz_object_top(metadata), "keypoints_symmetry");
    const size_t sides = vc_npz_count(both);
    const vc_npz_value *left = sides == 2 ? vc_npz_item(both, 0) : NULL,
                       *right = sides == 2 ? vc_npz_item(both, 1) : NULL;
    if (sides != 2 || vc_npz_count(left) != vc_npz_count(right))
        status =
            vc_fail(VC_EFORMAT, "%s: metadata 'keypoints_symmetry' has no two sides alike", path);
    for (size_t i = 0; status == VC_OK && i < vc_npz_count(left); i++) {
        int64_t a = -1, b = -1;
        if (!vc_npz_integer(&a, vc_npz_item(left, i)) ||
            !vc_npz_integer(&b, vc_npz_item(right, i)) || a < 0 || b < 0 ||
            (uint64_t)a >= out->joints || (uint64_t)b >= out->joints) {
            status = vc_fail(VC_EFORMAT, "%s: metadata 'keypoints_symmetry' holds what is no joint",
                             path);
            break;
        }
        if (out->mirrored[a] != (size_t)a || out->mirrored[b] != (size_t)b) {
            status = vc_fail(VC_EFORMAT,
                             "%s: metadata 'keypoints_symmetry' pairs joint %d with %d, one of "
                             "which has another",
                             path, (int)a, (int)b);
            break;
        }
        out->mirrored[a] = (size_t)b;
        out->mirrored[b] = (size_t)a;
    }
    vc_npz_object_close(metadata);
    return status;
}

vc_status vc_poses_open(vc_poses *out, const char *positions, const char *truth,
                        const char *cameras, const char *subjects)
{
    reader r = {.out = out, .positions = positions, .truth = truth, .cameras = cameras};
    *out = (vc_poses){0};
    vc_status status = cameras ? vc_json_read(&r.camera_list, cameras) : VC_OK;
    if (status == VC_OK)
        status = vc_npz_object_open(&r.in_2d, positions, "positions_2d");
    if (status == VC_OK && truth)
        status = vc_npz_object_open(&r.in_3d, truth, "positions_3d");
    if (status == VC_OK)
        status = read_all(&r, subjects);
    if (status == VC_OK)
        status = read_symmetry(out, positions);
    vc_npz_object_close(r.in_3d);
    vc_npz_object_close(r.in_2d);
    json_decref(r.camera_list);
    if (status != VC_OK)
        vc_poses_close(out);
    return status;
}

void vc_poses_close(vc_poses *poses)
{
    for (size_t i = 0; i < poses->count; i++) {
        free(poses->sequences[i].name);
        free(poses->sequences[i].action);
        free(poses->sequences[i].positions);
        free(poses->sequences[i].truth);
    }
    free(poses->sequences);
    free(poses->mirrored);
    *poses = (vc_poses){0};
}

/* Of values (frames, joints, dim) of a sequence, of which a mirror turns the first round. */
static void copy_window(float *out, size_t frames, const vc_poses *poses, const float *values,
                        size_t dim, size_t sequence, size_t at, int mirrored)
{
    const size_t before = (frames - 1) / 2, last = poses->sequences[sequence].frames - 1;
    for (size_t f = 0; f < frames; f++) {
        size_t from = at + f < before ? 0 : at + f - before;
        from = from < last ? from : last;
        const float *pose = values + from * poses->joints * dim;
        for (size_t j = 0; j < poses->joints; j++, out += dim) {
            memcpy(out, pose + dim * (mirrored ? poses->mirrored[j] : j), dim * sizeof *out);
            out[0] = mirrored ? -out[0] : out[0];
        }
    }
}

void vc_poses_window(float *out, size_t frames, const vc_poses *poses, size_t sequence, size_t at,
                     int mirrored)
{
    copy_window(out, frames, poses, poses->sequences[sequence].positions, 2, sequence, at,
                mirrored);
}

void vc_poses_truth(float *out, size_t frames, const vc_poses *poses, size_t sequence, size_t at,
                    int mirrored)
{
    copy_window(out, frames, poses, poses->sequences[sequence].truth, 3, sequence, at, mirrored);
}
