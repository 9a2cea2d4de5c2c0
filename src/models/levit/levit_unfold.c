/* LeViTs whose products are convolutions, and those whose BatchNorm is folded into the products,
 * as the other LeViTs are. */
#include <stdio.h>
#include <string.h>

#include "levit_impl.h"
#include "renaming.h"

enum { STEM_NAME = 96 }; /* and .linear.running_mean */

/* What the names of the two releases have for a product and its norm. */
typedef struct style {
    const char *stem, *folded_stem, *product, *head_product;
    int folded, squeezed;
} style;

static int ends(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

static int is_stem(const char *name)
{
    return strncmp(name, "stem.", 5) == 0 || strncmp(name, "patch_embed.", 12) == 0;
}

/* A 1 x 1 convolution, (outputs, inputs, 1, 1), is a product. */
static int is_product_by_convolution(const vc_named_tensor *t)
{
    return t->tensor.rank == 4 && t->tensor.shape[2] == 1 && t->tensor.shape[3] == 1 &&
           !is_stem(t->name);
}

/* What a norm that does nothing holds: with this variance the divisor is 1 to the last bit of a
 * float. */
static vc_status add_norm(vc__renaming *to, const char *stem, size_t channels,
                          const vc_tensor *bias)
{
    static const struct {
        const char *name;
        float value;
    } parts[] = {{"weight", 1.0f}, {"running_mean", 0.0f}, {"running_var", 1.0f - VC__LEVIT_EPS}};
    char name[VC__TENSOR_NAME];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        vc_tensor made = {.dtype = VC_F32, .rank = 1, .shape = {channels}};
        float *values = vc__rename_floats(to, channels);
        for (size_t c = 0; values && c < channels; c++)
            values[c] = parts[i].value;
        made.data = values;
        snprintf(name, sizeof name, "%s.bn.%s", stem, parts[i].name);
        vc__rename_add(to, name, &made);
    }
    vc_tensor zero = {.dtype = VC_F32, .rank = 1, .shape = {channels}};
    if (!bias)
        zero.data = vc__rename_floats(to, channels); /* an arena's memory is zeroed */
    snprintf(name, sizeof name, "%s.bn.bias", stem);
    vc__rename_add(to, name, bias ? bias : &zero);
    return VC_OK;
}

/* A product's norm stands behind it, and takes its bias; that of a head stands before it. */
static vc_status unfold(vc__renaming *to, const style *s, const char *stem, const vc_tensor *weight,
                        const vc_tensor *bias)
{
    const int head = strncmp(stem, "head", 4) == 0;
    char name[VC__TENSOR_NAME];
    snprintf(name, sizeof name, "%s.%s.weight", stem, head ? s->head_product : s->product);
    vc__rename_add(to, name, weight);
    if (!head)
        return add_norm(to, stem, weight->shape[0], bias);
    snprintf(name, sizeof name, "%s.%s.bias", stem, s->head_product);
    vc__rename_add(to, name, bias);
    return add_norm(to, stem, weight->rank > 1 ? weight->shape[1] : 0, NULL);
}

/* The bias beside a weight whose norm is folded into both; NULL: it is none. */
static const vc_tensor *bias_of(char stem[STEM_NAME], const vc__renaming *to,
                                const vc_named_tensor *weight)
{
    char name[VC__TENSOR_NAME];
    if (!ends(weight->name, ".weight") || strstr(weight->name, "coder_") ||
        strlen(weight->name) >= STEM_NAME || weight->tensor.rank < 2)
        return NULL;
    snprintf(stem, STEM_NAME, "%.*s", (int)(strlen(weight->name) - strlen(".weight")),
             weight->name);
    if (snprintf(name, sizeof name, "%s.bias", stem) >= (int)sizeof name)
        return NULL;
    const vc_tensor *bias = vc_tensor_file_find(to->from, name);
    return bias && bias->rank == 1 && bias->shape[0] == weight->tensor.shape[0] ? bias : NULL;
}

static int is_bias_of_product(const vc__renaming *to, const char *name)
{
    char weight[VC__TENSOR_NAME], stem[STEM_NAME];
    if (!ends(name, ".bias") || strlen(name) + 2 >= sizeof weight)
        return 0;
    snprintf(weight, sizeof weight, "%.*s.weight", (int)(strlen(name) - strlen(".bias")), name);
    const vc_tensor *found = vc_tensor_file_find(to->from, weight);
    return found && bias_of(stem, to, &(vc_named_tensor){weight, *found}) != NULL;
}

static vc_status unfold_all(vc__renaming *to, void *context)
{
    const style *s = context;
    for (size_t i = 0; i < vc_tensor_file_count(to->from); i++) {
        vc_named_tensor t = *vc_tensor_file_at(to->from, i);
        char stem[STEM_NAME];
        if (is_product_by_convolution(&t))
            t.tensor.rank = 2;
        const vc_tensor *bias = s->folded ? bias_of(stem, to, &t) : NULL;
        if (bias)
            VC_TRY(unfold(to, s, stem, &t.tensor, bias));
        else if (!s->folded || !is_bias_of_product(to, t.name))
            vc__rename_add(to, t.name, &t.tensor);
    }
    if (s->squeezed)
        vc__rename_note(to, "a LeViT whose products are 1 x 1 convolutions (levit_conv_*), read as "
                            "the levit_* of the same name");
    if (s->folded) {
        vc__rename_note(to, "BatchNorm is folded into the products: its statistics are lost, so "
                            "this model runs but cannot be trained");
        vc__rename_say(to, VC__BATCH_NORM, VC__FOLDED);
    }
    return VC_OK;
}

static int squeezed(const vc_tensor_file *file)
{
    for (size_t i = 0; i < vc_tensor_file_count(file); i++)
        if (is_product_by_convolution(vc_tensor_file_at(file, i)))
            return 1;
    return 0;
}

vc_status vc__levit_unfold(vc_tensor_file **file)
{
    static const style styles[] = {
        {"stem.conv1.linear.weight", "stem.conv1.weight", "linear", "linear", 0, 0},
        {"patch_embed.0.c.weight", "patch_embed.0.weight", "c", "l", 0, 0},
    };
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
        style s = styles[i];
        s.folded = vc_tensor_file_find(*file, s.folded_stem) != NULL;
        if (!s.folded && !vc_tensor_file_find(*file, s.stem))
            continue;
        s.squeezed = squeezed(*file);
        return s.folded || s.squeezed ? vc__rename(file, unfold_all, &s, 5) : VC_OK;
    }
    return VC_OK;
}
