/* Some images of a source, drawn at random over its classes. */
#include <stdlib.h>
#include <string.h>

#include "source_impl.h"
#include "vitcod/rng.h"

enum { PURPOSE = 0x73616d70 }; /* of the random stream */

typedef struct drawn {
    uint64_t group, key, index;
} drawn;

static int compare(const void *x, const void *y)
{
    const drawn *a = x, *b = y;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static size_t folder_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

/* Its class; without labels a number for each folder that images lie in, one after the other. */
static uint64_t group_of(const vc_source *s, size_t index, uint64_t last)
{
    if (s->frames)
        return s->frames[index].sequence;
    if (s->dataset)
        return (uint64_t)s->dataset->labels[index];
    if (s->labelled)
        return (uint64_t)s->samples[index].label;
    if (index == 0)
        return last;
    const char *name = s->samples[index].name, *before = s->samples[index - 1].name;
    const size_t length = folder_length(name);
    return last + (folder_length(before) != length || strncmp(name, before, length) != 0);
}

/* Every image with the same chance, and of each class as many as its share, but for one: in the
 * order of classes, shuffled within each, every so many-th from a random start. */
static vc_status choose(unsigned char *chosen, const vc_source *s, size_t wanted, uint64_t seed)
{
    drawn *all = malloc(s->count * sizeof *all);
    vc_rng rng = vc_rng_open(seed, PURPOSE, 0);
    uint64_t group = 0;
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", s->count);
    for (size_t i = 0; i < s->count; i++) {
        group = group_of(s, i, group);
        all[i] = (drawn){group, vc_rng_u64(&rng), i};
    }
    qsort(all, s->count, sizeof *all, compare);
    const double start = vc_rng_uniform(&rng), step = (double)s->count / (double)wanted;
    for (size_t k = 0; k < wanted; k++) {
        const size_t at = (size_t)(((double)k + start) * step);
        chosen[all[at < s->count ? at : s->count - 1].index] = 1;
    }
    free(all);
    return VC_OK;
}

static void keep(vc_source *s, const unsigned char *chosen)
{
    vc_dataset *data = s->dataset ? &s->owned : NULL;
    const size_t values = data ? data->channels * data->height * data->width : 0;
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!chosen[i] && s->samples)
            free(s->samples[i].name);
        if (!chosen[i])
            continue;
        if (s->frames) {
            s->frames[kept] = s->frames[i];
        } else if (data) {
            memmove(data->images + kept * values, data->images + i * values, values);
            data->labels[kept] = data->labels[i];
        } else {
            s->samples[kept] = s->samples[i];
        }
        kept++;
    }
    s->count = kept;
    if (data)
        data->count = kept;
}

vc_status vc__source_keep_sample(vc_source *source, size_t wanted, uint64_t seed)
{
    if (wanted >= source->count)
        return VC_OK;
    unsigned char *chosen = calloc(source->count, 1);
    if (!chosen)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", source->count);
    const vc_status status = choose(chosen, source, wanted, seed);
    if (status == VC_OK)
        keep(source, chosen);
    free(chosen);
    return status;
}
