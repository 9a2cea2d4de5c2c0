/* A source of poses: each frame of its sequences, seen as the middle of a window. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source_impl.h"
#include "vitcod/file.h"
#include "vitcod/hash.h"
#include "vitcod/plural.h"

/* An npz archive is a zip one whose first name is that of an array. */
int vc__source_is_npz(const char *path)
{
    enum { HEADER = 30, LENGTH = 26, NAME = 512 };
    unsigned char head[HEADER + NAME];
    FILE *file = fopen(path, "rbe");
    const size_t bytes = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    if (bytes < HEADER || memcmp(head, "PK\3\4", 4) != 0)
        return 0;
    const size_t length = head[LENGTH] + 256u * head[LENGTH + 1], end = HEADER + length;
    return length >= 4 && end <= bytes && memcmp(head + end - 4, ".npy", 4) == 0;
}

vc_status vc__source_open_poses(vc_source *source, const char *path, const vc_source_options *o)
{
    const size_t every = o->every ? o->every : 1;
    size_t count = 0;
    if (o->classes || o->upright)
        return vc_fail(VC_EINVAL, "%s: poses, which have neither a class list nor EXIF data", path);
    VC_TRY(vc_poses_open(&source->poses, path, o->truth, o->cameras, o->subjects));
    for (size_t s = 0; s < source->poses.count; s++)
        count += vc_poses_taken(source->poses.sequences[s].frames, every);
    if (count > UINT32_MAX || source->poses.count > UINT32_MAX)
        return vc_fail(VC_EUNSUPPORTED, "%s: more than 2^32 frames", path);
    source->labelled = 0;
    source->frames = malloc((count + 1) * sizeof *source->frames);
    if (!source->frames)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu frames", path, count);
    for (size_t s = 0; s < source->poses.count; s++)
        for (size_t f = 0; f < source->poses.sequences[s].frames; f += every)
            source->frames[source->count++] = (vc__frame){(uint32_t)s, (uint32_t)f};
    return count > 0 ? vc__source_set_root(source, path, ": ", "")
                     : vc_fail(VC_EFORMAT, "%s: its sequences have no frames", path);
}

/* The first source that holds what it has itself. */
static const vc_source *first_holder(const vc_source *source)
{
    while (source->whole || source->part_count > 0)
        source = source->whole ? source->whole : source->parts[0];
    return source;
}

size_t vc_source_joints(const vc_source *source)
{
    return first_holder(source)->poses.joints;
}

const char *vc_source_unit(const vc_source *source, uint64_t count)
{
    return vc_samples(vc_source_joints(source), count);
}

int vc_source_has_truth(const vc_source *source)
{
    const vc_poses *poses = &first_holder(source)->poses;
    return poses->count > 0 && poses->sequences[0].truth != NULL;
}

uint64_t vc__source_hash_frame(uint64_t hash, const vc_source *holder, size_t index)
{
    const vc__frame frame = holder->frames[index];
    const vc_pose_sequence *s = &holder->poses.sequences[frame.sequence];
    const size_t joints = holder->poses.joints;
    hash = vc_hash(hash, s->name, strlen(s->name) + 1);
    hash = vc_hash(hash, &frame.at, sizeof frame.at);
    hash = vc_hash(hash, s->positions + frame.at * joints * 2, joints * 2 * sizeof(float));
    return s->truth ? vc_hash(hash, s->truth + frame.at * joints * 3, joints * 3 * sizeof(float))
                    : hash;
}

void vc__source_name_frame(char text[VC_SOURCE_NAME], const vc_source *holder, size_t index)
{
    const vc__frame frame = holder->frames[index];
    snprintf(text, VC_SOURCE_NAME, "%s%s, frame %zu", holder->root,
             holder->poses.sequences[frame.sequence].name, (size_t)frame.at);
}
