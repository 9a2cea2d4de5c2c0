/* How a model sees images: what its file says, what its name stands for, what was guessed. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"

/* Models by the beginnings of timm's names, those that hold something more first. DeiTs and LeViTs
 * as their published code evaluates them (256 pixels for 224), the others as timm does. */
static const struct known {
    const char *begins, *holds; /* holds: another part of the name, or "" */
    float mean[3], std[3];
    double crop_pct;
    vc_interpolation interpolation;
} known[] = {
#define IMAGENET                                                                                   \
    {0.485f, 0.456f, 0.406f},                                                                      \
    {                                                                                              \
        0.229f, 0.224f, 0.225f                                                                     \
    }
#define HALVES                                                                                     \
    {0.5f, 0.5f, 0.5f},                                                                            \
    {                                                                                              \
        0.5f, 0.5f, 0.5f                                                                           \
    }
#define CLIP                                                                                       \
    {0.48145466f, 0.4578275f, 0.40821073f},                                                        \
    {                                                                                              \
        0.26862954f, 0.26130258f, 0.27577711f                                                      \
    }
#define AS_IT_IS                                                                                   \
    {0.0f, 0.0f, 0.0f},                                                                            \
    {                                                                                              \
        1.0f, 1.0f, 1.0f                                                                           \
    }
    {"deit3_", "_in22k_ft_in1k", IMAGENET, 1.0, VC_BICUBIC},
    {"deit3_", "_384", IMAGENET, 1.0, VC_BICUBIC},
    {"deit3_", "", IMAGENET, 0.9, VC_BICUBIC},
    {"deit_", "", IMAGENET, 0.875, VC_BICUBIC},
    {"levit_", "", IMAGENET, 0.875, VC_BICUBIC},
    {"LeViT-", "", IMAGENET, 0.875, VC_BICUBIC},
    {"LeViT_", "", IMAGENET, 0.875, VC_BICUBIC},
    {"vit_", "_dinov2", IMAGENET, 1.0, VC_BICUBIC},
    {"vit_", ".dino", IMAGENET, 0.9, VC_BICUBIC},
    {"vit_", ".mae", IMAGENET, 0.9, VC_BICUBIC},
    {"vit_", "_gap_448.in1k_ijepa", IMAGENET, 1.0, VC_BICUBIC},
    {"vit_", "_ijepa", IMAGENET, 0.9, VC_BICUBIC},
    {"vit_", "_tipsv2", AS_IT_IS, 1.0, VC_BICUBIC},
    {"vit_", "_miil", AS_IT_IS, 0.875, VC_BILINEAR},
    {"vit_", ".bamboo", CLIP, 1.0, VC_BICUBIC},
    {"vit_large_patch14_clip_", ".laion2b", HALVES, 1.0, VC_BICUBIC},
    {"vit_base_patch16_clip_384", ".openai_ft_in1k", CLIP, 1.0, VC_BICUBIC},
    {"vit_base_patch", "_clip_384.openai", CLIP, 0.95, VC_BICUBIC},
    {"vit_base_patch16_clip_224", "_ft_in12k_in1k", CLIP, 0.95, VC_BICUBIC},
    {"vit_base_patch16_clip_224", "_ft_in12k", CLIP, 0.9, VC_BICUBIC},
    {"vit_base_patch16_clip_", "_224.openai", CLIP, 0.9, VC_BICUBIC},
    {"vit_base_patch32_clip_", "_224.datacompxl", CLIP, 1.0, VC_BICUBIC},
    {"vit_base_patch32_clip_", "_224.metaclip", CLIP, 1.0, VC_BICUBIC},
    {"vit_base_patch32_clip_", "_224.", CLIP, 0.9, VC_BICUBIC},
    {"vit_betwixt_patch32_clip_", "", CLIP, 0.9, VC_BICUBIC},
    {"vit_medium_patch", "_clip_", CLIP, 0.9, VC_BICUBIC},
    {"vit_xsmall_patch", "_clip_", CLIP, 0.9, VC_BICUBIC},
    {"vit_", "_clip_", CLIP, 1.0, VC_BICUBIC},
    {"vit_so400m_patch14_siglip_gap_224", "", HALVES, 0.9, VC_BICUBIC},
    {"vit_so400m_patch14_siglip_gap_378", ".v2", HALVES, 0.9, VC_BICUBIC},
    {"vit_so400m_patch14_siglip_", "", HALVES, 1.0, VC_BICUBIC},
    {"vit_", "_siglip_", HALVES, 0.9, VC_BICUBIC},
    {"vit_so150m2_", "", HALVES, 1.0, VC_BICUBIC},
    {"vit_", "_gap_384.sw", HALVES, 0.95, VC_BICUBIC},
    {"vit_", "_gap_384", HALVES, 1.0, VC_BICUBIC},
    {"vit_", "_gap_2", HALVES, 0.95, VC_BICUBIC},
    {"vit_", "_384", HALVES, 1.0, VC_BICUBIC},
    {"vit_tiny_patch", "", HALVES, 0.9, VC_BICUBIC},
    {"vit_small_patch", "", HALVES, 0.9, VC_BICUBIC},
    {"vit_base_patch", "", HALVES, 0.9, VC_BICUBIC},
    {"vit_large_patch", "", HALVES, 0.9, VC_BICUBIC},
    {"vit_huge_patch14_224", "", HALVES, 0.9, VC_BICUBIC},
#undef IMAGENET
#undef HALVES
#undef CLIP
#undef AS_IT_IS
};

static const struct known *find_known(const char *name)
{
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strncmp(name, known[i].begins, strlen(known[i].begins)) == 0 &&
            strstr(name, known[i].holds))
            return &known[i];
    return NULL;
}

void vc__looks_of_name(vc_model_config *config, const char *name)
{
    const struct known *k = find_known(name);
    vc_model_input input = vc_model_input_of(config);
    if (!k)
        return;
    for (size_t c = 0; config->family->set_input && input.channels == 3 && c < 3; c++) {
        input.mean[c] = k->mean[c];
        input.std[c] = k->std[c];
    }
    if (config->family->set_input)
        config->family->set_input(config, &input);
    config->looks.crop_pct = k->crop_pct;
    config->looks.interpolation = k->interpolation;
}

/* The name that a file gives its model, or that it has itself. */
static const struct known *name_of(char out[48], const vc_tensor_file *file)
{
    const char *path = vc_tensor_file_path(file), *slash = strrchr(path, '/');
    const char *names[] = {vc_tensor_file_metadata(file, "arch"), slash ? slash + 1 : path};
    for (size_t i = 0; i < 2; i++) {
        const struct known *k = find_known(names[i]);
        if (!k)
            continue;
        /* of a file's name, without its ending */
        const char *end = i ? strstr(names[i], ".safetensors") : NULL;
        if (i && !end)
            end = strstr(names[i], ".pth");
        snprintf(out, 48, "%.*s", end ? (int)(end - names[i]) : 47, names[i]);
        return k;
    }
    return NULL;
}

int vc__is_known(const vc_tensor_file *file)
{
    char ignored[48];
    return name_of(ignored, file) != NULL;
}

int vc__is_called(const vc_tensor_file *file, const char *part)
{
    const char *path = vc_tensor_file_path(file), *slash = strrchr(path, '/');
    const char *names[] = {vc_tensor_file_metadata(file, "arch"), slash ? slash + 1 : path};
    return (names[0] && strstr(names[0], part)) || strstr(names[1], part);
}

int vc__was_guessed(const vc_tensor_file *file, const char *what)
{
    const char *guessed = vc_tensor_file_metadata(file, "guessed");
    return guessed && strstr(guessed, what);
}

const char *vc_interpolation_word(vc_interpolation interpolation)
{
    return interpolation == VC_BILINEAR ? "bilinear" : "bicubic";
}

static vc_status read_interpolation(vc_interpolation *out, const char *text, const char *of)
{
    if (strcmp(text, "bicubic") != 0 && strcmp(text, "bilinear") != 0)
        return vc_fail(VC_EINVAL, "%s is '%s', wanted bicubic or bilinear", of, text);
    *out = strcmp(text, "bilinear") == 0 ? VC_BILINEAR : VC_BICUBIC;
    return VC_OK;
}

static vc_status check_crop(double crop, const char *of)
{
    return crop > 0.0 && crop <= 1.0
               ? VC_OK
               : vc_fail(VC_EINVAL, "%s is %g, wanted above 0 and at most 1", of, crop);
}

/* "interpolation", "crop_pct" and what was guessed when the file was written. */
static vc_status read_metadata(vc_model_looks *looks, const vc_tensor_file *file)
{
    const char *path = vc_tensor_file_path(file);
    const char *resized = vc_tensor_file_metadata(file, "interpolation");
    const char *crop = vc_tensor_file_metadata(file, "crop_pct");
    const char *guessed = vc_tensor_file_metadata(file, "guessed");
    const char *name = vc_tensor_file_metadata(file, "known_as");
    vc_status status = VC_OK;
    if (resized)
        status = read_interpolation(&looks->interpolation, resized, "metadata 'interpolation'");
    if (status == VC_OK && crop) {
        looks->crop_pct = strtod(crop, NULL);
        status = check_crop(looks->crop_pct, "metadata 'crop_pct'");
    }
    if (status != VC_OK)
        return vc_fail(VC_EFORMAT, "%s: %s", path, vc_last_error());
    if (guessed && strstr(guessed, "num_heads"))
        looks->guessed |= VC_GUESSED_HEADS;
    if (guessed && strstr(guessed, "input_mean"))
        looks->guessed |= VC_GUESSED_NORMALISATION;
    if (guessed && strstr(guessed, "crop_pct"))
        looks->guessed |= VC_GUESSED_RESIZING;
    if (guessed && strstr(guessed, "activation"))
        looks->guessed |= VC_GUESSED_ACTIVATION;
    if (name)
        snprintf(looks->known_as, sizeof looks->known_as, "%s", name);
    return VC_OK;
}

/* Mean and std of a model whose file does not say them. */
static vc_status set_normalisation(vc_model_config *config, const float *mean, const float *std)
{
    vc_model_input input = vc_model_input_of(config);
    for (size_t c = 0; c < input.channels; c++) {
        input.mean[c] = mean ? mean[c] : input.mean[c];
        input.std[c] = std ? std[c] : input.std[c];
        if (!isfinite(input.mean[c]) || !(input.std[c] > 0.0f) || !isfinite(input.std[c]))
            return vc_fail(VC_EINVAL, "mean %g and std %g of a channel, wanted a std above 0",
                           (double)input.mean[c], (double)input.std[c]);
    }
    if (!config->family->set_input)
        return vc_fail(VC_EUNSUPPORTED, "a %s has one normalisation", config->family->name);
    config->family->set_input(config, &input);
    return VC_OK;
}

vc_status vc_model_set_looks(vc_model_config *config, const vc_model_options *o)
{
    vc_model_looks *looks = &config->looks;
    if (o->mean || o->std) {
        VC_TRY(set_normalisation(config, o->mean, o->std));
        looks->guessed &= ~(unsigned)VC_GUESSED_NORMALISATION;
    }
    if (o->interpolation)
        VC_TRY(read_interpolation(&looks->interpolation, o->interpolation, "--interpolation"));
    if (o->crop_pct > 0.0) {
        VC_TRY(check_crop(o->crop_pct, "--crop-pct"));
        looks->crop_pct = o->crop_pct;
    }
    if (o->interpolation && o->crop_pct > 0.0)
        looks->guessed &= ~(unsigned)VC_GUESSED_RESIZING;
    return VC_OK;
}

/* Of what is no picture nothing is known but how many heads look at it. */
static vc_status read_heads(vc_model_config *config, const vc_tensor_file *file,
                            const vc_model_options *o)
{
    const char *option = o->mean            ? "--mean"
                         : o->std           ? "--std"
                         : o->interpolation ? "--interpolation"
                         : o->crop_pct > 0  ? "--crop-pct"
                                            : NULL;
    if (option)
        return vc_fail(VC_EINVAL, "%s: a %s takes no pictures: wanted no %s",
                       vc_tensor_file_path(file), config->family->name, option);
    if (config->family->writes_heads && !o->heads &&
        (!vc_tensor_file_metadata(file, "num_heads") || vc__was_guessed(file, "num_heads")))
        config->looks.guessed |= VC_GUESSED_HEADS;
    return VC_OK;
}

vc_status vc__read_looks(vc_model_config *config, const vc_tensor_file *file,
                         const vc_model_options *options)
{
    if (vc_model_input_of(config).joints > 0)
        return read_heads(config, file, options);
    vc_model_looks *looks = &config->looks;
    const int means = vc_tensor_file_metadata(file, "input_mean") != NULL;
    const int crops = vc_tensor_file_metadata(file, "crop_pct") != NULL;
    const int heads = vc_tensor_file_metadata(file, "num_heads") != NULL;
    const struct known *k = means && crops && heads ? NULL : name_of(looks->known_as, file);
    const size_t channels = vc_model_input_of(config).channels;
    if (k && !means && channels == 3)
        VC_TRY(set_normalisation(config, k->mean, k->std));
    if (k && !crops) {
        looks->crop_pct = k->crop_pct;
        looks->interpolation = k->interpolation;
    }
    if (!means && !(k && channels == 3))
        looks->guessed |= VC_GUESSED_NORMALISATION;
    if (!crops && !k)
        looks->guessed |= VC_GUESSED_RESIZING;
    if (config->family->writes_heads && !options->heads && !k && !heads)
        looks->guessed |= VC_GUESSED_HEADS;
    VC_TRY(read_metadata(looks, file));
    if (options->heads)
        looks->guessed &= ~(unsigned)VC_GUESSED_HEADS;
    if (options->activation)
        looks->guessed &= ~(unsigned)VC_GUESSED_ACTIVATION;
    const vc_status status = vc_model_set_looks(config, options);
    return status == VC_OK ? VC_OK
                           : vc_fail(status, "%s: %s", vc_tensor_file_path(file), vc_last_error());
}

static size_t add(char text[VC_GUESSES_TEXT], size_t used, const char *what)
{
    const int more = snprintf(text + used, VC_GUESSES_TEXT - used, "%s%s", used ? ", " : "", what);
    return used + (size_t)more < VC_GUESSES_TEXT ? used + (size_t)more : VC_GUESSES_TEXT - 1;
}

/* As the family writes it. */
static const char *activation_of(const vc_model_config *config)
{
    vc_metadata entries[VC__FAMILY_ENTRIES];
    vc__family_text texts[VC__FAMILY_ENTRIES];
    size_t count = config->family->metadata ? config->family->metadata(entries, texts, config) : 0;
    while (count-- > 0)
        if (strcmp(entries[count].key, "activation") == 0)
            return entries[count].value;
    return "";
}

const char *vc_model_guesses(char text[VC_GUESSES_TEXT], const vc_model_config *config)
{
    const vc_model_looks *looks = &config->looks;
    char one[96];
    size_t used = 0;
    text[0] = '\0';
    if (looks->guessed & VC_GUESSED_HEADS) {
        const vc_attention_layer l = vc_model_layer(config, 0);
        snprintf(one, sizeof one, "heads %zu (%s; --heads)", l.heads,
                 l.heads * 64 == l.width ? "width / 64" : "as others of this width");
        used = add(text, used, one);
    }
    if (looks->guessed & VC_GUESSED_NORMALISATION)
        used =
            add(text, used,
                vc_model_input_of(config).channels == 3 ? "ImageNet's mean and std (--mean, --std)"
                                                        : "mean and std 0.5 (--mean, --std)");
    if (looks->guessed & VC_GUESSED_ACTIVATION) {
        const char *word = activation_of(config);
        snprintf(one, sizeof one, "%s (--activation)", strcmp(word, "gelu") == 0 ? "GELU" : word);
        used = add(text, used, one);
    }
    if (looks->guessed & VC_GUESSED_RESIZING) {
        snprintf(one, sizeof one, "%s, crop %g (--interpolation, --crop-pct)",
                 vc_interpolation_word(looks->interpolation), vc_model_input_of(config).crop_pct);
        add(text, used, one);
    }
    return text;
}

size_t vc__describe_looks(vc_metadata *entries, vc__looks_text *text, const vc_model_config *config)
{
    const vc_model_looks *looks = &config->looks;
    size_t count = 0;
    snprintf(text->crop, sizeof text->crop, "%.9g", vc_model_input_of(config).crop_pct);
    snprintf(text->guessed, sizeof text->guessed, "%s%s%s%s",
             looks->guessed & VC_GUESSED_HEADS ? "num_heads " : "",
             looks->guessed & VC_GUESSED_ACTIVATION ? "activation " : "",
             looks->guessed & VC_GUESSED_NORMALISATION ? "input_mean input_std " : "",
             looks->guessed & VC_GUESSED_RESIZING ? "interpolation crop_pct " : "");
    if (vc_model_input_of(config).joints == 0) {
        entries[count++] =
            (vc_metadata){"interpolation", vc_interpolation_word(looks->interpolation)};
        entries[count++] = (vc_metadata){"crop_pct", text->crop};
    }
    if (looks->guessed)
        entries[count++] = (vc_metadata){"guessed", text->guessed};
    if (looks->known_as[0])
        entries[count++] = (vc_metadata){"known_as", looks->known_as};
    return count;
}
