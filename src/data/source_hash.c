#include <string.h>
#include <sys/stat.h>

#include "source_impl.h"
#include "vitcod/hash.h"

/* Size of a file; 0 if that cannot be determined, which is reported when the file is read. */
static uint64_t file_bytes(const vc_source *source, size_t index)
{
    char name[VC_SOURCE_NAME];
    struct stat info;
    return stat(vc_source_name(name, source, index), &info) == 0 ? (uint64_t)info.st_size : 0;
}

static uint64_t hash_image(uint64_t hash, const vc_source *source, size_t index)
{
    const vc_source *holder = vc__source_holder(source, &index);
    const vc_dataset *data = holder->dataset;
    if (holder->frames)
        return vc__source_hash_frame(hash, holder, index);
    if (data) {
        const size_t values = data->channels * data->height * data->width;
        return vc_hash(hash, data->images + index * values, values);
    }
    const vc__sample *sample = &holder->samples[index];
    const uint64_t bytes = holder->tar || holder->zip ? sample->bytes : file_bytes(holder, index);
    hash = vc_hash(hash, sample->name, strlen(sample->name) + 1);
    if (holder->upright)
        hash = vc_hash(hash, "upright", 7);
    return vc_hash(hash, &bytes, sizeof bytes);
}

uint64_t vc_source_hash(const vc_source *source)
{
    uint64_t hash = vc_hash(VC_HASH_START, &source->count, sizeof source->count);
    for (size_t i = 0; i < source->count; i++) {
        const int32_t label = vc_source_label(source, i);
        hash = hash_image(hash, source, i);
        hash = vc_hash(hash, &label, sizeof label);
    }
    return hash;
}
