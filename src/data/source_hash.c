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

static uint64_t hash_sample(uint64_t hash, const vc_source *whole, size_t index)
{
    const vc__sample *sample = &whole->samples[index];
    const uint64_t bytes = whole->tar ? sample->bytes : file_bytes(whole, index);
    hash = vc_hash(hash, sample->name, strlen(sample->name) + 1);
    return vc_hash(hash, &bytes, sizeof bytes);
}

uint64_t vc_source_hash(const vc_source *source)
{
    const vc_source *whole = source->whole ? source->whole : source;
    const vc_dataset *data = whole->dataset;
    uint64_t hash = vc_hash(VC_HASH_START, &source->count, sizeof source->count);
    for (size_t i = 0; i < source->count; i++) {
        const size_t index = vc__source_place(source, i);
        const int32_t label = vc_source_label(whole, index);
        const size_t values = data ? data->channels * data->height * data->width : 0;
        hash = data ? vc_hash(hash, data->images + index * values, values)
                    : hash_sample(hash, whole, index);
        hash = vc_hash(hash, &label, sizeof label);
    }
    return hash;
}
