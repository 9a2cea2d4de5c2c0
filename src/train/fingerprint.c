#include "train_impl.h"
#include "vitcod/comm.h"
#include "vitcod/hash.h"

/* What a model is, but for the values of its parameters. */
static uint64_t hash_config(uint64_t hash, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const uint64_t sizes[] = {model->config.architecture, input.image, input.channels,
                              input.classes, vc_model_layer(&model->config, 0).heads};
    hash = vc_hash(hash, sizes, sizeof sizes);
    hash = vc_hash(vc_hash(hash, input.mean, sizeof input.mean), input.std, sizeof input.std);
    for (size_t i = 0; i < model->param_count; i++)
        hash = vc_hash(hash, model->params[i].shape, sizeof model->params[i].shape);
    return hash;
}

static uint64_t hash_attention(uint64_t hash, const vc_model *model)
{
    for (size_t l = 0; l < vc_model_layers(&model->config); l++) {
        const vc_attention_layer layer = vc_model_layer(&model->config, l);
        size_t queries = layer.queries;
        if (model->pruned)
            hash = vc_hash(hash, model->pruned[l], layer.heads * queries * layer.keys);
        for (size_t h = 0; model->sparse && h < layer.heads; h++) {
            const vc_sparse_head *head = &model->sparse[l].head[h];
            size_t sparse = (size_t)head->row_start[queries];
            hash = vc_hash(hash, head->global_keys, head->global_count * sizeof(int32_t));
            hash = vc_hash(hash, head->panel_pruned, queries * head->global_count);
            hash = vc_hash(hash, head->row_start, (queries + 1) * sizeof(int32_t));
            hash = vc_hash(hash, head->row_keys, sparse * sizeof(int32_t));
            if (head->kept_share)
                hash = vc_hash(hash, head->kept_share, queries * sizeof(float));
        }
    }
    return hash;
}

static uint64_t hash_augmentation(uint64_t hash, const vc_augment_options *a)
{
    const double numbers[] = {a->crop_least,    a->crop_most, a->aspect_least,    a->aspect_most,
                              a->flip,          a->magnitude, a->operation_share, a->jitter,
                              a->magnitude_std, a->erase,     a->erase_least,     a->erase_most,
                              a->erase_aspect,  a->mix,       a->mixup,           a->cutmix,
                              a->cutmix_share};
    const uint64_t counts[] = {a->shift, a->operations, a->interpolation};
    return vc_hash(vc_hash(hash, numbers, sizeof numbers), counts, sizeof counts);
}

uint64_t vc__train_fingerprint(const vc_model *model, const vc_source *data,
                               const vc_train_options *o)
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
                              o->reconstruction,
                              o->crop_fraction,
                              o->logits,
                              o->ema,
                              o->drop_path};
    const uint64_t counts[] = {(uint64_t)o->half,    o->epochs,         o->batch,
                               o->repetitions,       o->seed,           o->limit,
                               vc_source_hash(data), model->value_count};
    uint64_t hash = vc_hash(vc_hash(VC_HASH_START, numbers, sizeof numbers), counts, sizeof counts);
    hash = hash_augmentation(hash, &o->augment);
    hash = hash_config(hash, model);
    if (o->teacher) {
        const double how[] = {o->distillation, o->temperature,       o->features,
                              o->attention,    o->hard_distillation, o->two_heads};
        hash = hash_config(vc_hash(hash, how, sizeof how), o->teacher);
        hash = hash_attention(hash, o->teacher);
        for (size_t i = 0; i < o->teacher->param_count; i++)
            hash = vc_hash(hash, o->teacher->params[i].data,
                           o->teacher->params[i].count * sizeof(float));
    }
    for (size_t i = 0; i < model->param_count; i++)
        if (model->params[i].statistic) { /* each process observes its own share */
            const int processes = vc_comm_size();
            hash = vc_hash(hash, &processes, sizeof processes);
            break;
        }
    return hash_attention(hash, model);
}
