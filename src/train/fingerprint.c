#include "train_impl.h"
#include "vitcod/comm.h"
#include "vitcod/hash.h"

/* Hashes everything about a model but the values of its parameters. */
static uint64_t hash_config(uint64_t hash, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const uint64_t sizes[] = {vc_model_family_number(&model->config), input.width, input.channels,
                              input.classes, vc_model_layer(&model->config, 0).heads};
    hash = vc_hash(hash, sizes, sizeof sizes);
    if (input.height != input.width)
        hash = vc_hash(hash, &input.height, sizeof input.height);
    hash = vc_hash(vc_hash(hash, input.mean, sizeof input.mean), input.std, sizeof input.std);
    if (input.interpolation != VC_BICUBIC)
        hash = vc_hash(hash, &input.interpolation, sizeof input.interpolation);
    for (size_t i = 0; i < model->param_count; i++)
        hash = vc_hash(hash, model->params[i].shape, sizeof model->params[i].shape);
    return hash;
}

/* Hashes a byte for each entry of the panel: 1 if it is pruned. */
static uint64_t hash_panel(uint64_t hash, const vc_pattern_head *head, size_t queries)
{
    for (size_t i = 0; i < queries; i++)
        for (size_t j = 0; j < head->panel_count; j++) {
            const uint8_t pruned = !vc_panel_keeps(head, i, j);
            hash = vc_hash(hash, &pruned, 1);
        }
    return hash;
}

static uint64_t hash_rows(uint64_t hash, const vc_pattern_head *head, size_t queries)
{
    int32_t end = 0;
    for (size_t i = 0; i <= queries; i++) {
        hash = vc_hash(hash, &end, sizeof end);
        end += i < queries ? (int32_t)vc_row_count(head, i) : 0;
    }
    return vc_hash(hash, head->row_keys, vc_rows_count(head, queries) * sizeof(int32_t));
}

static uint64_t hash_pooling(uint64_t hash, const vc_pooling *p, const vc_train_options *o)
{
    const double rates[] = {o->bias_rate, o->pooling_rate, o->query_rate};
    hash = vc_hash(hash, rates, sizeof rates);
    hash = vc_hash(hash, p->start, (p->count + 1) * sizeof *p->start);
    return vc_hash(hash, p->keys, p->entries * sizeof *p->keys);
}

/* Masks are hashed by their entries; of a plan also the split, the shares and the pooling
 * count. */
static uint64_t hash_attention(uint64_t hash, const vc_model *model, const vc_train_options *o)
{
    for (size_t l = 0; model->restriction && l < vc_model_layers(&model->config); l++) {
        const vc_pattern *pattern = vc_model_pattern(model, l);
        if (pattern->pooling)
            hash = hash_pooling(hash, pattern->pooling, o);
        for (size_t h = 0; h < pattern->heads; h++) {
            const vc_pattern_head *head = &pattern->head[h];
            if (model->restriction->of_masks) {
                hash = hash_panel(hash, head, pattern->queries);
                continue;
            }
            hash = vc_hash(hash, head->panel_keys, head->panel_count * sizeof(int32_t));
            hash = hash_panel(hash, head, pattern->queries);
            hash = hash_rows(hash, head, pattern->queries);
            if (head->kept_share)
                hash = vc_hash(hash, head->kept_share, pattern->queries * sizeof(float));
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
                              vc_model_input_of(&model->config).crop_pct,
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
        hash = hash_attention(hash, o->teacher, o);
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
    return hash_attention(hash, model, o);
}
