/* The families, and what asks them. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "model_impl.h"

#ifndef VC__FAMILIES /* a test has a list with one more */
#define VC__FAMILIES "families.def"
#endif

#define VC_FAMILY(name) extern const vc__family vc__##name;
#include VC__FAMILIES
#undef VC_FAMILY

static const vc__family *const families[] = {
#define VC_FAMILY(name) &vc__##name,
#include VC__FAMILIES
#undef VC_FAMILY
    NULL};

const vc__family *vc__family_at(size_t index)
{
    return families[index];
}

const char *vc_model_family_title(const vc_model_config *config)
{
    return config->family->title;
}

const char *vc_model_family(const vc_model_config *config)
{
    return config->family->name;
}

uint64_t vc_model_family_number(const vc_model_config *config)
{
    return config->family->number;
}

vc_model_input vc_model_input_of(const vc_model_config *config)
{
    vc_model_input out = config->family->input(config);
    out.crop_pct = config->looks.crop_pct > 0.0 ? config->looks.crop_pct : 0.875;
    out.interpolation = config->looks.interpolation;
    return out;
}

size_t vc_model_image_values(const vc_model_config *config)
{
    const vc_model_input input = vc_model_input_of(config);
    return input.channels * input.height * input.width;
}

vc_status vc_model_check_classifier(const vc_model_config *config)
{
    const vc_model_input input = vc_model_input_of(config);
    if (input.joints > 0)
        return vc_fail(VC_EUNSUPPORTED, "a %s takes poses, not pictures", vc_model_family(config));
    if (input.classes == 0)
        return vc_fail(VC_EUNSUPPORTED, "a %s without a classifier tells no classes apart",
                       vc_model_family(config));
    return VC_OK;
}

vc_status vc_model_set_input(vc_model_config *config, const vc_model_input *input)
{
    vc_model_config changed = *config;
    if (!config->family->set_input)
        return vc_fail(VC_EUNSUPPORTED, "a %s has one size of image", config->family->name);
    if (input->height != input->width && !config->family->oblong)
        return vc_fail(VC_EINVAL, "a %s takes square images, not %zu x %zu", config->family->name,
                       input->height, input->width);
    config->family->set_input(&changed, input);
    changed.looks.crop_pct = input->crop_pct;
    changed.looks.interpolation = input->interpolation;
    VC_TRY(config->family->check(&changed));
    *config = changed;
    return VC_OK;
}

vc_status vc_model_resize(vc_model_config *config, vc_extent image)
{
    vc_model_input input = vc_model_input_of(config);
    input.height = image.height;
    input.width = image.width;
    return vc_model_set_input(config, &input);
}

vc_status vc_model_plain(vc_model_config *out, const vc_plain_sizes *sizes,
                         const vc_model_input *input)
{
    const vc__family *family;
    for (size_t i = 0; (family = families[i]) && !family->plain; i++)
        ;
    if (!family)
        return vc_fail(VC_EUNSUPPORTED, "no family of models takes sizes of one's own");
    *out = (vc_model_config){.family = family};
    family->plain(out, sizes);
    return vc_model_set_input(out, input);
}

vc_status vc_model_set_features(vc_model_config *config, const char *what)
{
    vc_model_config changed = *config;
    if (!config->family->features)
        return vc_fail(VC_EUNSUPPORTED, "a %s gives logits alone, no features",
                       config->family->name);
    VC_TRY(config->family->features(&changed, what));
    VC_TRY(config->family->check(&changed));
    *config = changed;
    return VC_OK;
}

json_t *vc_model_describe(const vc_model_config *config)
{
    return config->family->describe ? config->family->describe(config) : json_object();
}

static int can(const vc__family *family, vc_ability ability)
{
    switch (ability) {
    case VC_ABILITY_VALUES:
        return family->values != NULL;
    case VC_ABILITY_BLOCKS:
        return family->block_output && family->heads_output && family->backward;
    case VC_ABILITY_NORMS:
        return family->norm != NULL;
    case VC_ABILITY_TOKENS:
        return family->forward_tokens != NULL;
    case VC_ABILITY_MAKES_AGAIN:
        return family->makes_again;
    case VC_ABILITY_LEARNS:
        break;
    }
    return family->backward != NULL;
}

int vc_model_can(const vc_model_config *config, vc_ability ability)
{
    return can(config->family, ability);
}

const char *vc_families_that_can(char text[VC_FAMILIES_TEXT], vc_ability ability)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; families[i]; i++)
        if (can(families[i], ability) && used < VC_FAMILIES_TEXT)
            used += (size_t)snprintf(text + used, VC_FAMILIES_TEXT - used, "%sa %s",
                                     used ? " or " : "", families[i]->name);
    return text;
}

const char *vc__titles(char text[VC_FAMILIES_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; families[i] && used < VC_FAMILIES_TEXT; i++)
        used += (size_t)snprintf(text + used, VC_FAMILIES_TEXT - used, "%sa %s", used ? " or " : "",
                                 families[i]->title);
    return text;
}

vc_rows vc_model_block_output(const vc_acts *acts, const vc_model *model, size_t layer)
{
    return model->config.family->block_output(acts, model, layer);
}

vc_rows vc_model_heads_output(const vc_acts *acts, const vc_model *model, size_t layer)
{
    return model->config.family->heads_output(acts, model, layer);
}

size_t vc_model_norms(const vc_model_config *config)
{
    return config->family->norm ? config->family->norms(config) : 0;
}

vc_model_norm_view vc_model_norm(const vc_model *model, const vc_acts *acts, size_t index)
{
    return model->config.family->norm(model, acts, index);
}

vc_status vc_model_compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    if (config->family->compress)
        return config->family->compress(config, compressed, of);
    return of == VC_CODED_NONE
               ? VC_OK
               : vc_fail(VC_EUNSUPPORTED, "a %s has no heads to compress", vc_model_family(config));
}

int vc_model_is_compressed(const vc_model_config *config)
{
    for (size_t i = 0; i < vc_model_layers(config); i++) {
        const vc_attention_layer l = vc_model_layer(config, i);
        if (l.compressed[0] > 0 || l.compressed[1] > 0)
            return 1;
    }
    return 0;
}

size_t vc_model_layers(const vc_model_config *config)
{
    return config->family->layers(config);
}

vc_attention_layer vc_model_layer(const vc_model_config *config, size_t layer)
{
    return config->family->layer(config, layer);
}

size_t vc_model_prefix_tokens(const vc_model_config *config)
{
    return config->family->prefix_tokens ? config->family->prefix_tokens(config) : 0;
}

size_t vc_model_groups(const vc_model_config *config)
{
    return config->family->groups ? config->family->groups(config) : 1;
}

vc_attention_group vc_model_group(const vc_model_config *config, size_t group)
{
    if (config->family->group)
        return config->family->group(config, group);
    return (vc_attention_group){.count = vc_model_layers(config)};
}

const vc_coder *vc_model_coder(const vc_model *model, size_t layer)
{
    static const vc_coder none[2] = {{0}};
    const vc__family *family = model->config.family;
    return family->coder ? family->coder(model, layer) : none;
}

const float *vc_model_bias(const vc_model *model, size_t layer)
{
    const vc__family *family = model->config.family;
    return family->bias ? family->bias(model, layer) : NULL;
}

void vc_model_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap)
{
    assert(batch > 0 && batch <= acts->batch);
    assert(!(tap && (tap->attention || tap->scores) && vc_model_plan(model)));
    model->config.family->forward(acts, model, images, batch, tap);
}

void vc_model_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch)
{
    const vc__family *family = model->config.family;
    assert(batch > 0 && batch <= acts->batch && acts->keep);
    assert(!acts->settled || vc_model_observes_settled(&model->config));
    if (family->observe)
        family->observe(acts, model, images, batch);
    else
        family->forward(acts, model, images, batch, NULL);
}

int vc_model_observes_apart(const vc_model_config *config)
{
    return config->family->observe != NULL;
}

int vc_model_observes_settled(const vc_model_config *config)
{
    return config->family->observe == NULL || config->family->observes_settled;
}

void vc_model_settle(vc_model *model, const vc_acts *acts, size_t batch)
{
    const vc__family *family = model->config.family;
    if (family->settle && !acts->settled)
        family->settle(model, acts, batch);
}

void vc_model_refresh(vc_model *model)
{
    const vc__family *family = model->config.family;
    vc__refresh_summaries(model);
    if (family->refresh)
        family->refresh(model);
}
