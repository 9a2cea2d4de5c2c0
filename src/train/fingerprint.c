#include "train_impl.h"
#include "vitcod/hash.h"

static uint64_t hash_config(uint64_t hash, const vc_deit_config *c)
{
    const uint64_t sizes[] = {
        c->image, c->patch, c->channels, c->classes,          c->width,
        c->depth, c->heads, c->hidden,   c->compressed_heads, (uint64_t)c->distilled};
    hash = vc_hash(hash, sizes, sizeof sizes);
    return vc_hash(vc_hash(hash, c->mean, sizeof c->mean), c->std, sizeof c->std);
}

static uint64_t hash_attention(uint64_t hash, const vc_model *model)
{
    size_t tokens = vc_deit_tokens(&model->config), heads = model->config.heads;
    for (size_t l = 0; l < model->config.depth; l++) {
        if (model->pruned)
            hash =
                vc_hash(hash, model->pruned + l * heads * tokens * tokens, heads * tokens * tokens);
        for (size_t h = 0; model->sparse && h < heads; h++) {
            const vc_sparse_head *head = &model->sparse[l].head[h];
            size_t sparse = (size_t)head->row_start[tokens];
            hash = vc_hash(hash, head->global_keys, head->global_count * sizeof(int32_t));
            hash = vc_hash(hash, head->panel_pruned, tokens * head->global_count);
            hash = vc_hash(hash, head->row_start, (tokens + 1) * sizeof(int32_t));
            hash = vc_hash(hash, head->row_keys, sparse * sizeof(int32_t));
        }
    }
    return hash;
}

uint64_t vc__train_fingerprint(const vc_model *model, const vc_dataset *data,
                               const vc_train_options *o, size_t images)
{
    const double numbers[] = {o->learning_rate,
                              o->min_learning_rate,
                              o->warmup_learning_rate,
                              o->warmup_epochs,
                              o->weight_decay,
                              o->beta1,
                              o->beta2,
                              o->eps,
                              o->label_smoothing,
                              o->clip,
                              o->reconstruction};
    const uint64_t counts[] = {
        o->epochs, o->batch, o->augmentation.shift, (uint64_t)o->augmentation.flip,
        o->seed,   images,   data->count,           model->value_count};
    uint64_t hash = vc_hash(vc_hash(VC_HASH_START, numbers, sizeof numbers), counts, sizeof counts);
    hash = hash_config(hash, &model->config);
    if (o->teacher) {
        const double how[] = {o->distillation, o->temperature};
        hash = hash_config(vc_hash(hash, how, sizeof how), &o->teacher->config);
        hash = hash_attention(hash, o->teacher);
        hash = vc_hash(hash, o->teacher->values, o->teacher->value_count * sizeof(float));
    }
    hash = vc_hash(hash, data->images, data->count * data->channels * data->height * data->width);
    hash = vc_hash(hash, data->labels, data->count * sizeof *data->labels);
    return hash_attention(hash, model);
}
