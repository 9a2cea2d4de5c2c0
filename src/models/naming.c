/* Names of other programs, by one table for each. */
#include "naming.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "renaming.h"

enum { MOST_STAGES = 8, LEFT_OUT = 256 };

/* `#` is a number. A name may go on with one more part (.weight, .bias, .running_mean), which it
 * keeps. Rows of one name's three parts follow one another: Q, K and V are one tensor here. */
typedef struct row {
    const char *theirs, *ours; /* ours NULL: left out, and said */
    int thirds;                /* 1: Q of three; 2, 3: K and V */
} row;

#define QKV(theirs_q, theirs_k, theirs_v)                                                          \
    {theirs_q, "blocks.#.attn.qkv", 1}, {theirs_k, "blocks.#.attn.qkv", 2},                        \
    {                                                                                              \
        theirs_v, "blocks.#.attn.qkv", 3                                                           \
    }

static const row hf_vit[] = {
    {"embeddings.cls_token", "cls_token", 0},
    {"embeddings.distillation_token", "dist_token", 0},
    {"embeddings.position_embeddings", "pos_embed", 0},
    {"embeddings.patch_embeddings.projection", "patch_embed.proj", 0},
    {"embeddings.mask_token", NULL, 0},
    /* transformers 4 */
    QKV("encoder.layer.#.attention.attention.query", "encoder.layer.#.attention.attention.key",
        "encoder.layer.#.attention.attention.value"),
    {"encoder.layer.#.attention.output.dense", "blocks.#.attn.proj", 0},
    {"encoder.layer.#.intermediate.dense", "blocks.#.mlp.fc1", 0},
    {"encoder.layer.#.output.dense", "blocks.#.mlp.fc2", 0},
    {"encoder.layer.#.layernorm_before", "blocks.#.norm1", 0},
    {"encoder.layer.#.layernorm_after", "blocks.#.norm2", 0},
    /* transformers 5 */
    QKV("layers.#.attention.q_proj", "layers.#.attention.k_proj", "layers.#.attention.v_proj"),
    {"layers.#.attention.o_proj", "blocks.#.attn.proj", 0},
    {"layers.#.mlp.fc1", "blocks.#.mlp.fc1", 0},
    {"layers.#.mlp.fc2", "blocks.#.mlp.fc2", 0},
    {"layers.#.layernorm_before", "blocks.#.norm1", 0},
    {"layers.#.layernorm_after", "blocks.#.norm2", 0},
    /* both */
    {"layernorm", "norm", 0},
    {"pooler.dense", NULL, 0},
    {"classifier", "head", 0},
    {"cls_classifier", "head", 0},
    {"distillation_classifier", "head_dist", 0},
    {NULL, NULL, 0},
};

/* A product with its BatchNorm. */
#define NORMED(theirs, product, ours)                                                              \
    {theirs "." product, ours ".c", 0},                                                            \
    {                                                                                              \
        theirs ".batch_norm", ours ".bn", 0                                                        \
    }
#define STEM(theirs, ours)                                                                         \
    NORMED("patch_embeddings.embedding_layer_" theirs, "convolution", "patch_embed." ours)
#define LAYER(theirs, ours) NORMED("encoder.stages.#.layers.#." theirs, "linear", "blocks.#." ours)
#define BIASES(theirs, ours)                                                                       \
    {"encoder.stages.#.layers.#." theirs "attention_biases", "blocks.#." ours "attention_biases",  \
     0},                                                                                           \
    {                                                                                              \
        "encoder.stages.#.layers.#." theirs "attention_bias_idxs",                                 \
            "blocks.#." ours "attention_bias_idxs", 0                                              \
    }

/* Under the names of the first release, whose blocks are numbered through all stages. */
static const row hf_levit[] = {
    STEM("1", "0"),
    STEM("2", "2"),
    STEM("3", "4"),
    STEM("4", "6"),
    LAYER("module.queries_keys_values", "m.qkv"),
    LAYER("module.projection", "m.proj.1"),
    BIASES("module.", "m."),
    LAYER("module.linear_up", "m.0"),
    LAYER("module.linear_down", "m.2"),
    LAYER("keys_values", "kv"),
    LAYER("queries", "q.1"),
    LAYER("projection", "proj.1"),
    BIASES("", ""),
    {"classifier.batch_norm", "head.bn", 0},
    {"classifier.linear", "head.l", 0},
    {"classifier_distill.batch_norm", "head_dist.bn", 0},
    {"classifier_distill.linear", "head_dist.l", 0},
    {NULL, NULL, 0},
};

#define TV "encoder.layers.encoder_layer_#."

static const row torchvision_vit[] = {
    {"class_token", "cls_token", 0},
    {"conv_proj", "patch_embed.proj", 0},
    {"encoder.pos_embedding", "pos_embed", 0},
    {TV "ln_1", "blocks.#.norm1", 0},
    {TV "self_attention.in_proj_weight", "blocks.#.attn.qkv.weight", 0},
    {TV "self_attention.in_proj_bias", "blocks.#.attn.qkv.bias", 0},
    {TV "self_attention.out_proj", "blocks.#.attn.proj", 0},
    {TV "ln_2", "blocks.#.norm2", 0},
    {TV "mlp.0", "blocks.#.mlp.fc1", 0},
    {TV "mlp.3", "blocks.#.mlp.fc2", 0},
    {TV "mlp.linear_1", "blocks.#.mlp.fc1", 0}, /* before 0.13 */
    {TV "mlp.linear_2", "blocks.#.mlp.fc2", 0},
    {"encoder.ln", "norm", 0},
    {"heads.pre_logits", "pre_logits.fc", 0},
    {"heads.head", "head", 0},
    {NULL, NULL, 0},
};

/* Prefixes are those of a model inside another one, whose classifier has none. */
static const struct naming {
    const char *whose, *sign, *prefixes[3], *activation;
    const row *rows;
} namings[] = {
    {"Hugging Face's",
     "embeddings.patch_embeddings.projection.weight",
     {"vit.", "deit.", ""},
     NULL,
     hf_vit},
    {"Hugging Face's",
     "patch_embeddings.embedding_layer_1.convolution.weight",
     {"levit.", ""},
     "hardswish",
     hf_levit},
    {"torchvision's", "conv_proj.weight", {""}, NULL, torchvision_vit},
};

/* ---- one name */

typedef struct matched {
    const row *row;
    size_t numbers[2];
    const char *rest; /* "" or ".weight" */
} matched;

static int matches(matched *out, const row *r, const char *name)
{
    size_t numbers = 0;
    const char *p = r->theirs;
    for (; *p; p++) {
        if (*p != '#') {
            if (*name++ != *p)
                return 0;
            continue;
        }
        const size_t digits = strspn(name, "0123456789");
        if (digits == 0 || digits > 4)
            return 0;
        out->numbers[numbers++] = strtoul(name, NULL, 10);
        name += digits;
    }
    out->row = r;
    out->rest = name;
    return *name == '\0' || (*name == '.' && !strchr(name + 1, '.'));
}

static int find_row(matched *out, const row *rows, const char *name)
{
    for (const row *r = rows; r->theirs; r++) {
        *out = (matched){0};
        if (matches(out, r, name))
            return 1;
    }
    return 0;
}

/* `pattern` with the numbers one after the other, and what follows it. */
static void write_name(char out[VC__TENSOR_NAME], const char *prefix, const char *pattern,
                       const size_t *numbers, const char *rest)
{
    size_t used = (size_t)snprintf(out, VC__TENSOR_NAME, "%s", prefix);
    for (; *pattern && used < VC__TENSOR_NAME - 8; pattern++)
        used += *pattern == '#' ? (size_t)snprintf(out + used, 8, "%zu", *numbers++)
                                : (size_t)snprintf(out + used, 2, "%c", *pattern);
    snprintf(out + used, VC__TENSOR_NAME - used, "%s", rest);
}

/* ---- all names */

typedef struct renamer {
    const struct naming *naming;
    const char *prefix;
    size_t first[MOST_STAGES + 1]; /* layers before those of a stage */
} renamer;

static const char *without(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : name;
}

/* Blocks whose names hold a stage and a layer of it are numbered through all stages. */
static void count_layers(renamer *r, const vc_tensor_file *file)
{
    size_t layers[MOST_STAGES] = {0};
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        matched m;
        const char *name = without(vc_tensor_file_at(file, i)->name, r->prefix);
        if (!find_row(&m, r->naming->rows, name) || !m.row->theirs ||
            strchr(m.row->theirs, '#') == strrchr(m.row->theirs, '#') ||
            m.numbers[0] >= MOST_STAGES)
            continue;
        if (layers[m.numbers[0]] < m.numbers[1] + 1)
            layers[m.numbers[0]] = m.numbers[1] + 1;
    }
    for (size_t s = 0; s < MOST_STAGES; s++)
        r->first[s + 1] = r->first[s] + layers[s];
}

/* Q, K and V, (C, C) or (C), one below the other. */
static vc_status join_thirds(vc__renaming *to, const renamer *r, const matched *q,
                             const char *joined)
{
    const vc_tensor *parts[3];
    char names[3][VC__TENSOR_NAME];
    for (size_t i = 0; i < 3; i++) {
        write_name(names[i], r->prefix, q->row[i].theirs, q->numbers, q->rest);
        const vc_tensor *first = vc_tensor_file_find(to->from, names[0]);
        VC_TRY(
            vc_tensor_file_get(&parts[i], to->from, names[i], VC_F32, first->rank, first->shape));
    }
    vc_tensor all = *parts[0];
    const size_t count = vc_tensor_count(parts[0]);
    if (all.rank == 0 || count > SIZE_MAX / 16)
        return vc_fail(VC_EFORMAT, "%s: '%s' has %zu values in rank %zu, wanted a matrix or a bias",
                       vc_tensor_file_path(to->from), names[0], count, all.rank);
    all.shape[0] *= 3;
    float *values = vc__rename_floats(to, 3 * count);
    for (size_t i = 0; i < 3 && values; i++) {
        memcpy(values + i * count, parts[i]->data, count * sizeof *values);
        vc_tensor_file_forget(to->from, parts[i]->data, count * sizeof *values);
    }
    all.data = values;
    vc__rename_add(to, joined, &all);
    return VC_OK;
}

static int has_query(const vc__renaming *to, const renamer *r, const matched *m)
{
    char name[VC__TENSOR_NAME];
    write_name(name, r->prefix, m->row[1 - m->row->thirds].theirs, m->numbers, m->rest);
    return vc_tensor_file_find(to->from, name) != NULL;
}

static void add_left_out(char text[LEFT_OUT], const char *name)
{
    const size_t used = strlen(text);
    snprintf(text + used, LEFT_OUT - used, "%s'%s'", used ? ", " : "", name);
}

static vc_status rename_one(vc__renaming *to, const renamer *r, const vc_named_tensor *tensor,
                            char left_out[LEFT_OUT])
{
    matched m;
    char name[VC__TENSOR_NAME];
    if (!find_row(&m, r->naming->rows, without(tensor->name, r->prefix)) ||
        (m.row->thirds > 1 && !has_query(to, r, &m))) {
        vc__rename_add(to, tensor->name, &tensor->tensor);
        return VC_OK;
    }
    if (!m.row->ours) {
        add_left_out(left_out, tensor->name);
        return VC_OK;
    }
    if (strchr(m.row->theirs, '#') != strrchr(m.row->theirs, '#') && m.numbers[0] < MOST_STAGES)
        m.numbers[0] = r->first[m.numbers[0]] + m.numbers[1];
    write_name(name, "", m.row->ours, m.numbers, m.rest);
    /* Without a classifier of its own it is a token like a register. */
    if (strcmp(name, "dist_token") == 0 &&
        !vc_tensor_file_find(to->from, "distillation_classifier.weight"))
        strcpy(name, "reg_token");
    if (m.row->thirds == 1)
        return join_thirds(to, r, &m, name);
    if (m.row->thirds == 0)
        vc__rename_add(to, name, &tensor->tensor);
    return VC_OK;
}

static vc_status rename_all(vc__renaming *to, void *context)
{
    const renamer *r = context;
    vc__rename_note(to, "has %s names", r->naming->whose);
    char left_out[LEFT_OUT] = "";
    for (size_t i = 0; i < vc_tensor_file_count(to->from); i++)
        VC_TRY(rename_one(to, r, vc_tensor_file_at(to->from, i), left_out));
    if (left_out[0])
        vc__rename_note(to, "left out, as nothing here reads it: %s", left_out);
    if (r->naming->activation && !vc_tensor_file_metadata(to->from, "activation"))
        vc__rename_say(to, "activation", r->naming->activation);
    return VC_OK;
}

vc_status vc__name_as_known(vc_tensor_file **file)
{
    for (size_t n = 0; n < sizeof namings / sizeof *namings; n++)
        for (size_t p = 0; p < 3 && namings[n].prefixes[p]; p++) {
            renamer r = {.naming = &namings[n], .prefix = namings[n].prefixes[p]};
            char sign[VC__TENSOR_NAME];
            snprintf(sign, sizeof sign, "%s%s", r.prefix, r.naming->sign);
            if (!vc_tensor_file_find(*file, sign))
                continue;
            count_layers(&r, *file);
            return vc__rename(file, rename_all, &r, 1);
        }
    return VC_OK;
}
