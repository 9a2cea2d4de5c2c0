/* The sizes of a LeViT, told from a checkpoint by either set of names. */
#include <stdio.h>
#include <string.h>

#include "levit_impl.h"

typedef struct reader {
    const vc_tensor_file *file;
    int original; /* the names of the first release, else timm's */
} reader;

int vc__levit_recognise(const vc_tensor_file *file)
{
    return vc_tensor_file_find(file, "stem.conv1.linear.weight") ||
           vc_tensor_file_find(file, "patch_embed.0.c.weight");
}

/* Prefix of a block's attention or MLP. */
static void block_name(char out[96], const reader *r, vc__levit_place place, size_t index,
                       const char *timm, const char *original)
{
    if (r->original)
        snprintf(out, 96, "blocks.%zu%s", index, original);
    else if (place.subsampling)
        snprintf(out, 96, "stages.%zu.downsample%s", place.stage, timm);
    else
        snprintf(out, 96, "stages.%zu.blocks.%zu%s", place.stage, place.block, timm);
}

static int has_block(const reader *r, vc__levit_place place, size_t index)
{
    char name[96];
    if (place.subsampling)
        block_name(name, r, place, 2 * index, ".attn_downsample.kv.linear.weight", ".kv.c.weight");
    else
        block_name(name, r, place, 2 * index, ".attn.qkv.linear.weight", ".m.qkv.c.weight");
    return vc_tensor_file_find(r->file, name) != NULL;
}

typedef struct shapes {
    const size_t *biases, *in, *proj, *fc1;
} shapes;

static vc_status find_shapes(shapes *out, const reader *r, vc__levit_place place, size_t index)
{
    char name[96];
    int sub = place.subsampling;
    block_name(name, r, place, 2 * index,
               sub ? ".attn_downsample.attention_biases" : ".attn.attention_biases",
               sub ? ".attention_biases" : ".m.attention_biases");
    VC_TRY(vc__find_shape(&out->biases, r->file, name, 2));
    block_name(name, r, place, 2 * index,
               sub ? ".attn_downsample.kv.linear.weight" : ".attn.qkv.linear.weight",
               sub ? ".kv.c.weight" : ".m.qkv.c.weight");
    VC_TRY(vc__find_shape(&out->in, r->file, name, 2));
    block_name(name, r, place, 2 * index,
               sub ? ".attn_downsample.proj.ln.linear.weight" : ".attn.proj.ln.linear.weight",
               sub ? ".proj.1.c.weight" : ".m.proj.1.c.weight");
    VC_TRY(vc__find_shape(&out->proj, r->file, name, 2));
    block_name(name, r, place, 2 * index + 1, ".mlp.ln1.linear.weight", ".m.0.c.weight");
    return vc__find_shape(&out->fc1, r->file, name, 2);
}

/* Heads and values per head: `in` holds Q, K, V (or K, V) of every head, `proj` takes V. */
static vc_status read_attention(vc__levit_attention *out, size_t *width, size_t *offsets,
                                const reader *r, vc__levit_place place, size_t index)
{
    shapes s;
    VC_TRY(find_shapes(&s, r, place, index));
    size_t heads = s.biases[0], values = s.proj[1], parts = place.subsampling ? 1 : 2;
    if (heads == 0 || values % heads != 0 || s.in[0] <= values ||
        (s.in[0] - values) % (parts * heads) != 0)
        return vc_fail(VC_EFORMAT,
                       "%s: attention %zu has %zu heads, %zu projected and %zu value channels, "
                       "which do not fit each other",
                       vc_tensor_file_path(r->file), index, heads, s.in[0], values);
    *out = (vc__levit_attention){.heads = heads,
                                 .key_dim = (s.in[0] - values) / (parts * heads),
                                 .value_dim = values / heads,
                                 .hidden = s.fc1[0]};
    *width = s.proj[0];
    *offsets = s.biases[1];
    return VC_OK;
}

/* Stage after stage: attentions of its own, then the one that subsamples into the next. */
static vc_status read_stages(vc__levit_config *c, const reader *r)
{
    vc__levit_place place = {0};
    size_t index = 0, offsets = 0, ignored;
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        vc__levit_stage *stage = &c->stages[s];
        place = (vc__levit_place){.stage = s, .subsampling = 1};
        if (s > 0 && has_block(r, place, index))
            VC_TRY(read_attention(&stage->subsampling, &stage->width, &ignored, r, place, index++));
        place = (vc__levit_place){.stage = s};
        if (has_block(r, place, index))
            VC_TRY(read_attention(&stage->own, &stage->width, s ? &ignored : &offsets, r, place,
                                  index));
        for (; has_block(r, place, index); place.block++)
            index++;
        stage->depth = place.block;
    }
    size_t side = vc__side_of(offsets);
    if (side == 0 || side * side != offsets)
        return vc_fail(VC_EFORMAT, "%s: %zu attention biases per head, wanted a square number",
                       vc_tensor_file_path(r->file), offsets);
    c->image = side << VC__LEVIT_STEM;
    return VC_OK;
}

static vc_status read_compression(vc__levit_config *c, const vc_tensor_file *file)
{
    size_t index = 0;
    for (size_t s = 0; s < VC__LEVIT_STAGES; index += c->stages[s].depth + 1, s++) {
        char timm[2][96], original[2][96];
        const char *names[2];
        for (size_t i = 0; i < 2; i++) {
            snprintf(timm[i], 96, "stages.%zu.blocks.0.attn.encoder_%c.weight", s, "qk"[i]);
            snprintf(original[i], 96, "blocks.%zu.m.encoder_%c.weight", 2 * index, "qk"[i]);
            names[i] = vc_tensor_file_find(file, timm[i]) ? timm[i] : original[i];
        }
        vc__levit_stage *stage = &c->stages[s];
        VC_TRY(vc__read_coders(stage->compressed_heads, file, names, stage->own.heads));
    }
    return VC_OK;
}

static vc_status read_stem(vc__levit_config *c, const reader *r)
{
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        char name[64];
        const size_t *shape;
        if (r->original)
            snprintf(name, sizeof name, "patch_embed.%zu.c.weight", 2 * i);
        else
            snprintf(name, sizeof name, "stem.conv%zu.linear.weight", i + 1);
        VC_TRY(vc__find_shape(&shape, r->file, name, 4));
        c->stem[i] = shape[0];
        if (i == 0)
            c->channels = shape[1];
    }
    return VC_OK;
}

/* As the file says; else as timm has it for these sizes, which is a guess: the first release, told
 * by its names, knew no SiLU. */
static vc_status read_activation(vc_model_config *out, const reader *r,
                                 const vc_model_options *options)
{
    vc__levit_config *c = vc__levit_sizes_in(out);
    const vc_tensor_file *file = r->file;
    const char *said = vc_tensor_file_metadata(file, "activation"), *word = options->activation;
    if (said && strcmp(said, "silu") != 0 && strcmp(said, "hardswish") != 0)
        return vc_fail(VC_EFORMAT, "%s: metadata 'activation' is '%s', wanted hardswish or silu",
                       vc_tensor_file_path(file), said);
    if (word && strcmp(word, "silu") != 0 && strcmp(word, "hardswish") != 0)
        return vc_fail(VC_EINVAL, "%s: --activation is '%s', wanted hardswish or silu",
                       vc_tensor_file_path(file), word);
    if (word && said && strcmp(word, said) != 0 && !vc__was_guessed(file, "activation"))
        return vc_fail(VC_EINVAL, "%s: has %s, --activation wants %s", vc_tensor_file_path(file),
                       said, word);
    word = word ? word : said;
    c->silu = word ? strcmp(word, "silu") == 0 : vc__levit_is_silu(c);
    if (!word && (!r->original || c->silu) && !vc__is_known(file))
        out->looks.guessed |= VC_GUESSED_ACTIVATION;
    return VC_OK;
}

static vc_status read_folded(vc__levit_config *c, const vc_tensor_file *file)
{
    const char *said = vc_tensor_file_metadata(file, VC__BATCH_NORM);
    if (said && strcmp(said, VC__FOLDED) != 0)
        return vc_fail(VC_EFORMAT, "%s: metadata '" VC__BATCH_NORM "' is '%s', wanted " VC__FOLDED,
                       vc_tensor_file_path(file), said);
    c->folded = said != NULL;
    return VC_OK;
}

/* timm's stem of three convolutions has more tokens than a LeViT's. */
static vc_status check_stem(const vc_tensor_file *file)
{
    if (!vc_tensor_file_find(file, "stem.conv1.linear.weight") ||
        vc_tensor_file_find(file, "stem.conv4.linear.weight"))
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED,
                   "%s: a LeViT whose stem has three convolutions, a token for 8 x 8 pixels "
                   "(levit_384_s8, levit_512_s8): wanted one of four, for 16 x 16",
                   vc_tensor_file_path(file));
}

vc_status vc__levit_read_config(vc_model_config *out, const vc_tensor_file *file,
                                const vc_tensor_file *autoencoder, const vc_model_options *options)
{
    vc__levit_config *c = vc__levit_sizes_in(out);
    const reader r = {file, vc_tensor_file_find(file, "patch_embed.0.c.weight") != NULL};
    const size_t *head;
    if (options->heads)
        return vc_fail(VC_EINVAL, "%s: a LeViT's heads follow from its shapes, without --heads",
                       vc_tensor_file_path(file));
    *c = (vc__levit_config){0};
    VC_TRY(check_stem(file));
    VC_TRY(read_stem(c, &r));
    VC_TRY(read_stages(c, &r));
    VC_TRY(read_activation(out, &r, options));
    VC_TRY(read_folded(c, file));
    VC_TRY(vc__find_shape(&head, file, r.original ? "head.l.weight" : "head.linear.weight", 2));
    c->classes = head[0];
    c->distilled = vc_tensor_file_find(file, r.original ? "head_dist.l.weight"
                                                        : "head_dist.linear.weight") != NULL;
    if (c->channels > VC_MODEL_CHANNELS)
        return vc_fail(VC_EFORMAT, "%s: %zu image channels, wanted at most %d",
                       vc_tensor_file_path(file), c->channels, VC_MODEL_CHANNELS);
    VC_TRY(vc__read_normalisation(c->mean, c->std, file, c->channels));
    VC_TRY(read_compression(c, autoencoder ? autoencoder : file));
    const vc_extent wanted = options->image_size;
    char text[VC_EXTENT_TEXT];
    if ((wanted.height || wanted.width) && !vc_extent_equal(wanted, vc_square(c->image)))
        return vc_fail(
            VC_EUNSUPPORTED,
            "%s: a LeViT for images of %zu pixels, wanted %s: its attention biases belong "
            "to one size and cannot be interpolated",
            vc_tensor_file_path(file), c->image, vc_extent_words(text, wanted));
    size_t compressed = 0;
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++)
        compressed += c->stages[s].compressed_heads[0] + c->stages[s].compressed_heads[1];
    if (autoencoder && !compressed)
        return vc_fail(VC_EFORMAT, "%s: holds no auto-encoder of a LeViT",
                       vc_tensor_file_path(autoencoder));
    return VC_OK;
}
