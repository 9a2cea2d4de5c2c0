#include <string.h>

#include "model_impl.h"
#include "vitcod/hash.h"

/* FNV-1a by words of 8 bytes: by single ones it would take longer than to read the file. */
static uint64_t hash_values(uint64_t hash, const float *values, size_t count)
{
    for (size_t i = 0; i + 2 <= count; i += 2) {
        uint64_t word;
        memcpy(&word, values + i, sizeof word);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 32;
    }
    return count % 2 ? vc_hash(hash, values + count - 1, sizeof *values) : hash;
}

uint64_t vc_model_hash(const vc_model *model)
{
    if (model->origin && model->origin->hash != 0)
        return model->origin->hash;
    const vc_model_input input = vc_model_input_of(&model->config);
    const uint64_t sizes[] = {vc_model_family_number(&model->config), input.width, input.height,
                              vc_model_layer(&model->config, 0).heads};
    uint64_t hash = vc_hash(VC_HASH_START, sizes, sizeof sizes);
    hash = vc_hash(vc_hash(hash, input.mean, sizeof input.mean), input.std, sizeof input.std);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        if (p->origin != VC_OF_FAMILY) /* the plan's, which has a hash of its own */
            continue;
        hash = vc_hash(hash, p->name, strlen(p->name));
        hash = vc_hash(hash, p->shape, p->rank * sizeof *p->shape);
        hash = hash_values(hash, p->data, p->count);
    }
    return hash;
}
