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
    for (size_t l = 0; input.joints > 0 && l < vc_model_layers(&model->config); l++) {
        const size_t tokens = vc_model_layer(&model->config, l).queries; /* strides */
        hash = vc_hash(hash, &tokens, sizeof tokens);
    }
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

static uint64_t hash_pooling(uint64_t hash, const vc_pooling *p)
{
    hash = vc_hash(hash, p->start, (p->count + 1) * sizeof *p->start);
    return vc_hash(hash, p->keys, p->entries * sizeof *p->keys);
}

/* Masks are hashed by their entries; of a plan also the split, the shares and the pooling
 * count. */
static uint64_t hash_attention(uint64_t hash, const vc_model *model)
{
    for (size_t l = 0; model->restriction && l < vc_model_layers(&model->config); l++) {
        const vc_pattern *pattern = vc_model_pattern(model, l);
        if (pattern->pooling)
            hash = hash_pooling(hash, pattern->pooling);
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

/* An option by its field's name. */
#define NUMBER(options, field) #field, (options)->field, 0
#define WHOLE(options, field) #field, (double)(options)->field, 1

typedef struct number {
    const char *name;
    double value;
    int whole;
} number;

static void put_numbers(json_t **all, const number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vc_json_set(all, numbers[i].name,
                    numbers[i].whole ? json_integer((json_int_t)numbers[i].value)
                                     : json_real(numbers[i].value));
}

static void put_hash(json_t **all, const char *name, uint64_t hash)
{
    vc_json_set(all, name, json_sprintf("%016llx", (unsigned long long)hash));
}

static void put_augmentation(json_t **all, const vc_augment_options *a)
{
    const number numbers[] = {
        {NUMBER(a, crop_least)},    {NUMBER(a, crop_most)},    {NUMBER(a, aspect_least)},
        {NUMBER(a, aspect_most)},   {NUMBER(a, flip)},         {WHOLE(a, shift)},
        {WHOLE(a, operations)},     {NUMBER(a, magnitude)},    {NUMBER(a, operation_share)},
        {NUMBER(a, magnitude_std)}, {WHOLE(a, interpolation)}, {NUMBER(a, jitter)},
        {NUMBER(a, erase)},         {NUMBER(a, erase_least)},  {NUMBER(a, erase_most)},
        {NUMBER(a, erase_aspect)},  {NUMBER(a, mix)},          {NUMBER(a, mixup)},
        {NUMBER(a, cutmix)},        {NUMBER(a, cutmix_share)}};
    put_numbers(all, numbers, sizeof numbers / sizeof *numbers);
}

static void put_restriction(json_t **all, const vc_model *model, const vc_train_options *o)
{
    const number rates[] = {
        {NUMBER(o, bias_rate)}, {NUMBER(o, pooling_rate)}, {NUMBER(o, query_rate)}};
    put_hash(all, "mask or plan", hash_attention(VC_HASH_START, model));
    for (size_t l = 0; l < vc_model_layers(&model->config); l++)
        if (vc_model_pattern(model, l)->pooling) {
            put_numbers(all, rates, sizeof rates / sizeof *rates);
            break;
        }
}

static void put_autoencoder(json_t **all, const vc_model *model, const vc_train_options *o)
{
    const number rate = {NUMBER(o, coder_rate)};
    if (vc_model_is_compressed(&model->config))
        put_numbers(all, &rate, 1);
}

static void put_teacher(json_t **all, const vc_train_options *o)
{
    const number numbers[] = {{NUMBER(o, distillation)},     {NUMBER(o, temperature)},
                              {NUMBER(o, features)},         {NUMBER(o, attention)},
                              {WHOLE(o, hard_distillation)}, {WHOLE(o, two_heads)}};
    uint64_t hash = hash_attention(hash_config(VC_HASH_START, o->teacher), o->teacher);
    for (size_t i = 0; i < o->teacher->param_count; i++)
        hash =
            vc_hash(hash, o->teacher->params[i].data, o->teacher->params[i].count * sizeof(float));
    put_hash(all, "teacher", hash);
    put_numbers(all, numbers, sizeof numbers / sizeof *numbers);
}

json_t *vc__train_settings(const vc_model *model, const vc_source *data, const vc_train_options *o)
{
    const number numbers[] = {
        {WHOLE(o, epochs)},         {WHOLE(o, batch)},
        {NUMBER(o, learning_rate)}, {NUMBER(o, min_learning_rate)},
        {NUMBER(o, warmup_epochs)}, {NUMBER(o, warmup_learning_rate)},
        {NUMBER(o, weight_decay)},  {NUMBER(o, beta1)},
        {NUMBER(o, beta2)},         {NUMBER(o, eps)},
        {NUMBER(o, ema)},           {NUMBER(o, drop_path)},
        {NUMBER(o, clip)},          {NUMBER(o, label_smoothing)},
        {NUMBER(o, logits)},        {NUMBER(o, reconstruction)},
        {WHOLE(o, half)},           {"crop_pct", vc_model_input_of(&model->config).crop_pct, 0},
        {WHOLE(o, repetitions)},    {WHOLE(o, limit)}};
    json_t *all = json_object();
    put_numbers(&all, numbers, sizeof numbers / sizeof *numbers);
    put_augmentation(&all, &o->augment);
    vc_json_set(&all, "seed", json_integer((json_int_t)o->seed));
    put_hash(&all, "images", vc_source_hash(data));
    put_hash(&all, "model", hash_config(VC_HASH_START, model));
    if (model->restriction)
        put_restriction(&all, model, o);
    put_autoencoder(&all, model, o);
    if (o->parts > 1)
        vc_json_set(&all, "parts", json_integer((json_int_t)o->parts));
    if (o->teacher)
        put_teacher(&all, o);
    if (o->settled)
        vc_json_set(&all, "settled", json_integer(1));
    for (size_t i = 0; i < model->param_count && !o->settled; i++)
        if (model->params[i].statistic) { /* each process observes its own share */
            vc_json_set(&all, "processes", json_integer(vc_comm_size()));
            break;
        }
    return all;
}
