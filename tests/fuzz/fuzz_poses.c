/* Poses in 2-D and 3-D, their metadata and their cameras, in archives that are sound. The first
 * byte says which of the files is the bytes behind it; the others, and all of them without one, are
 * made of small numbers, mostly those that fit. What is read can be looked at, frame by frame. */
#include "archive.h"
#include "fuzzed_folder.h"

#include <math.h>
#include <string.h>

#include "vitcod/poses.h"
#include "vitcod/source.h"

enum { ROOM = 1 << 17, WINDOW = 5, MOST_JOINTS = 64 };
enum { MADE, CAMERAS, IN_2D, IN_3D, METADATA, FILES, WITHOUT_TRUTH = 64, WITHOUT_CAMERAS = 128 };

typedef struct input {
    const uint8_t *data;
    size_t size;
} input;

typedef struct output {
    uint8_t data[ROOM];
    size_t size;
} output;

/* What is wanted mostly, or a small number. */
static size_t near(input *in, size_t wanted)
{
    enum { OTHERS = 200 };
    if (in->size == 0)
        return wanted;
    const uint8_t byte = *in->data++;
    in->size--;
    return byte < OTHERS ? wanted : (size_t)(byte - OTHERS);
}

static void put(output *out, const void *bytes, size_t size)
{
    if (out->size + size > ROOM)
        return; /* a pickle that breaks off */
    memcpy(out->data + out->size, bytes, size);
    out->size += size;
}

#define put_ops(out, literal) put(out, literal, sizeof(literal) - 1)

static void put_text(output *out, const char *text)
{
    const uint8_t length = (uint8_t)strlen(text);
    put_ops(out, "\x8c");
    put(out, &length, 1);
    put(out, text, length);
}

static void put_number(output *out, size_t value)
{
    const uint8_t byte = (uint8_t)value;
    put_ops(out, "K");
    put(out, &byte, 1);
}

/* An array of floats (frames, joints, dim) whose values are bytes of the input. */
static void put_array(output *out, input *in, size_t frames, size_t joints, size_t dim)
{
    const size_t shape[] = {near(in, frames), near(in, joints), near(in, dim)};
    const size_t count = near(in, 0) ? frames * joints * dim : shape[0] * shape[1] * shape[2];
    const uint32_t bytes = (uint32_t)(count * sizeof(float));
    put_ops(out, "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
                 "C\1b\x87R(K\1(");
    for (size_t i = 0; i < 3; i++)
        put_number(out, shape[i]);
    put_ops(out, "tcnumpy\ndtype\n\x8c\2f4\x89\x88\x87R(K\3\x8c\1<NNN"
                 "J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
                 "B");
    put(out, &bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        const float value = in->size > 0 ? (float)(int8_t)*in->data : (float)i;
        put(out, &value, sizeof value);
        if (in->size > 0)
            in->data++, in->size--;
    }
    put_ops(out, "tb");
}

static void begin(output *out)
{
    static const char head[] =
        "\x93NUMPY\1\0\x76\0{'descr': '|O', 'fortran_order': False, 'shape': (), }";
    out->size = 0;
    put(out, head, sizeof head - 1);
    for (size_t i = sizeof head - 1; i < 127; i++)
        put_ops(out, " ");
    put_ops(out, "\n\x80\4");
}

enum { FRAMES = 4, JOINTS = 5, SUBJECTS = 2, SEEN_BY = 2 };

static void make_positions(output *out, input *in, int in_3d)
{
    static const char *const subjects[] = {"S1", "S9", "S11"};
    begin(out);
    put_ops(out, "}(");
    const size_t count = near(in, SUBJECTS);
    for (size_t s = 0; s < count && s < 3; s++) {
        put_text(out, subjects[s]);
        put_ops(out, "}(");
        put_text(out, near(in, 0) ? "Walking" : "Walking 1");
        if (!in_3d)
            put_ops(out, "](");
        for (size_t c = in_3d ? 1 : near(in, SEEN_BY); c-- > 0;)
            put_array(out, in, FRAMES, in_3d ? near(in, JOINTS) : JOINTS, in_3d ? 3 : 2);
        if (!in_3d)
            put_ops(out, "e");
        put_ops(out, "u");
    }
    put_ops(out, "u.");
}

static void make_metadata(output *out, input *in)
{
    begin(out);
    put_ops(out, "}(");
    put_text(out, near(in, 0) ? "keypoints" : "keypoints_symmetry");
    put_ops(out, "](");
    for (size_t side = 0; side < near(in, 2); side++) {
        put_ops(out, "](");
        for (size_t i = 0; i < 2; i++)
            put_number(out, near(in, 1 + 2 * i + side));
        put_ops(out, "e");
    }
    put_ops(out, "eu.");
}

static const char sound_cameras[] =
    "{\"S1\": [{\"res_w\": 1000, \"res_h\": 1002, \"orientation\": [1, 0, 0, 0],"
    " \"translation\": [1, 2, 3]}, {\"res_w\": 900, \"res_h\": 800,"
    " \"orientation\": [0, 0.6, 0.8, 0], \"translation\": [0, 0, 1]}],"
    " \"S9\": [{\"res_w\": 1000, \"res_h\": 1002, \"orientation\": [0, 1, 0, 0],"
    " \"translation\": [1, 2, 3]}, {\"res_w\": 900, \"res_h\": 800,"
    " \"orientation\": [0.5, 0.5, 0.5, 0.5], \"translation\": [0, 0, 1]}]}";

static void keep_path(char path[128], const char *name, const void *data, size_t size)
{
    snprintf(path, 128, "%s", fuzz_folder_file(name, data, size));
}

static void look(const vc_poses *poses)
{
    float window[WINDOW * MOST_JOINTS * 3], truth[WINDOW * MOST_JOINTS * 3];
    if (poses->joints > MOST_JOINTS)
        return;
    for (size_t s = 0; s < poses->count; s++)
        for (size_t f = 0; f < poses->sequences[s].frames; f++)
            for (int mirrored = 0; mirrored < 2; mirrored++) {
                vc_poses_window(window, WINDOW, poses, s, f, mirrored);
                for (size_t i = 0; i < WINDOW * poses->joints * 2; i++)
                    if (!isfinite(window[i]))
                        abort();
                if (poses->sequences[s].truth)
                    vc_poses_truth(truth, WINDOW, poses, s, f, mirrored);
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static output parts[FILES];
    char positions[128], truth[128], cameras[128];
    size_t bytes;
    if (size < 1 || size > ROOM)
        return 0;
    const int which = data[0] % FILES, with_truth = !(data[0] & WITHOUT_TRUTH),
              with_cameras = !(data[0] & WITHOUT_CAMERAS);
    input in = which == MADE ? (input){data + 1, size - 1} : (input){0};
    make_positions(&parts[IN_2D], &in, 0);
    make_positions(&parts[IN_3D], &in, 1);
    make_metadata(&parts[METADATA], &in);
    parts[CAMERAS].size = 0;
    put(&parts[CAMERAS], sound_cameras, sizeof sound_cameras - 1);
    if (which != MADE) {
        parts[which].size = 0;
        put(&parts[which], data + 1, size - 1);
    }
    const fuzz_member members[] = {{"positions_2d.npy", parts[IN_2D].data, parts[IN_2D].size},
                                   {"metadata.npy", parts[METADATA].data, parts[METADATA].size},
                                   {"positions_3d.npy", parts[IN_3D].data, parts[IN_3D].size}};
    const unsigned char *archive = fuzz_zip_bytes(&bytes, members, 2);
    keep_path(positions, "poses_2d.npz", archive, bytes);
    archive = fuzz_zip_bytes(&bytes, members + 2, 1);
    keep_path(truth, "poses_3d.npz", archive, bytes);
    keep_path(cameras, "cameras.json", parts[CAMERAS].data, parts[CAMERAS].size);
    vc_source_options how = vc_source_options_default();
    how.truth = with_truth ? truth : NULL;
    how.cameras = with_cameras ? cameras : NULL;
    how.subjects = bytes % 2 ? "S9" : NULL;
    how.every = 1 + size % 3;
    vc_poses poses;
    vc_source *source;
    if (vc_poses_open(&poses, positions, how.truth, how.cameras, how.subjects) == VC_OK) {
        look(&poses);
        vc_poses_close(&poses);
    }
    if (vc_source_open(&source, positions, &how) == VC_OK) {
        if (vc_source_count(source) == 0)
            abort();
        vc_source_close(source);
    }
    return 0;
}
