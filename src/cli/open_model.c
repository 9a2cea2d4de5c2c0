#include "open_model.h"

#include <stdio.h>
#include <string.h>

#include "open_plan.h"
#include "vitcod/comma_lists.h"

vc_status cli_restrict_attention(vc_model *model, const cli_model_options *options)
{
    return vc_model_use_files(model, options->mask,
                              cli_is_none(options->plan) ? NULL : options->plan);
}

int cli_check_model_options(const cli_command *command, const cli_model_options *options)
{
    if (options->mask && options->plan)
        return cli_usage(command, "both --mask and --plan, wanted one of them");
    if (options->crop_pct < 0.0 || options->crop_pct > 1.0)
        return cli_usage(command, "--crop-pct is %g, wanted above 0 and at most 1",
                         options->crop_pct);
    return CLI_CONTINUE;
}

int cli_take_model(const cli_command *command, cli_model_options *options,
                   const cli_arguments *arguments, const cli_common *common)
{
    options->path = arguments->count > 0 ? arguments->positional[0] : NULL;
    options->seed = common->seed;
    if (!options->path == !options->arch)
        return cli_usage(command, "wanted one of MODEL and --arch NAME");
    if (options->arch &&
        (options->activation || options->heads || options->autoencoder || options->weights))
        return cli_usage(command, "--activation, --heads, --autoencoder, --weights: of a MODEL");
    return cli_check_model_options(command, options);
}

/* Values of channels in words: one for all of them, or one for each. */
static vc_status read_channels(float out[VC_MODEL_CHANNELS], size_t *count, const char *option,
                               const char *text)
{
    vc_comma_numbers numbers = {.count = 0};
    VC_TRY(vc_comma_numbers_add(&numbers, option, text, -1000.0, 1000.0));
    if (numbers.count > VC_MODEL_CHANNELS)
        return vc_fail(VC_EINVAL, "%s has %zu numbers, wanted one or one per channel", option,
                       numbers.count);
    *count = numbers.count;
    for (size_t c = 0; c < VC_MODEL_CHANNELS; c++)
        out[c] = (float)numbers.values[c < numbers.count ? c : numbers.count - 1];
    return VC_OK;
}

typedef struct looks {
    float mean[VC_MODEL_CHANNELS], std[VC_MODEL_CHANNELS];
    size_t means, stds; /* how many were given */
} looks;

static vc_status read_looks(looks *out, vc_model_options *how, const cli_model_options *options)
{
    *out = (looks){.means = 1, .stds = 1};
    if (options->mean)
        VC_TRY(read_channels(out->mean, &out->means, "--mean", options->mean));
    if (options->std)
        VC_TRY(read_channels(out->std, &out->stds, "--std", options->std));
    how->mean = options->mean ? out->mean : NULL;
    how->std = options->std ? out->std : NULL;
    how->interpolation = options->interpolation;
    how->crop_pct = options->crop_pct;
    return VC_OK;
}

static vc_status check_looks(const looks *l, const vc_model_config *config)
{
    const size_t channels = vc_model_input_of(config).channels;
    if ((l->means == 1 || l->means == channels) && (l->stds == 1 || l->stds == channels))
        return VC_OK;
    return vc_fail(VC_EINVAL, "--mean and --std have %zu and %zu numbers, wanted one or %zu",
                   l->means, l->stds, channels);
}

vc_status cli_set_looks(vc_model_config *config, const cli_model_options *options)
{
    vc_model_options how = {0};
    looks given;
    VC_TRY(read_looks(&given, &how, options));
    VC_TRY(check_looks(&given, config));
    return vc_model_set_looks(config, &how);
}

vc_status cli_preset(vc_model_config *out, const cli_model_options *options)
{
    VC_TRY(vc_model_preset(out, options->arch));
    VC_TRY(cli_set_looks(out, options));
    if (vc_extent_area(options->image_size) == 0 ||
        vc_model_resize(out, options->image_size) == VC_OK)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: %s", options->arch, vc_last_error());
}

static vc_status make_model(vc_model **out, const cli_model_options *options)
{
    vc_model_config config;
    VC_TRY(cli_preset(&config, options));
    if (options->features)
        VC_TRY(vc_model_set_features(&config, options->features));
    return vc_model_create(out, &config, options->seed);
}

static vc_weights_kind kind_of(const char *word)
{
    return !word ? VC_WEIGHTS_ANY : strcmp(word, "ema") == 0 ? VC_WEIGHTS_EMA : VC_WEIGHTS_RAW;
}

static void tell_notes(const vc_model *model)
{
    const char *note;
    for (size_t i = 0; (note = vc_model_note(model, i)); i++)
        fprintf(stderr, "vitcod: %s\n", note);
}

vc_status cli_open_model(vc_model **out, const cli_model_options *options, cli_purpose purpose)
{
    looks given;
    vc_model_options how = {.heads = options->heads,
                            .activation = options->activation,
                            .features = options->features,
                            .autoencoder = options->autoencoder,
                            .weights = kind_of(options->weights),
                            .image_size = options->image_size,
                            .without_plan = options->mask || options->plan,
                            .in_place = purpose != CLI_TRAIN,
                            .remember = options->remember};
    VC_TRY(read_looks(&given, &how, options));
    VC_TRY(options->arch ? make_model(out, options) : vc_model_open(out, options->path, &how));
    tell_notes(*out);
    vc_status status = check_looks(&given, &(*out)->config);
    if (status == VC_OK)
        status = cli_restrict_attention(*out, options);
    if (status != VC_OK) {
        vc_model_close(*out);
        *out = NULL;
    } else if (!options->aside) {
        cli_note_hash(vc_model_hash(*out));
    }
    return status;
}

vc_status cli_open_without_plan(vc_model **out, const char **left_out,
                                const cli_model_options *options, cli_purpose purpose)
{
    cli_model_options dense = *options;
    dense.plan = dense.mask ? NULL : "none";
    if (!dense.mask && dense.path && vc_plan_is(dense.path) == VC_PLAN_INSIDE)
        *left_out = dense.path;
    return cli_open_model(out, &dense, purpose);
}

void cli_print_without_plan(const char *left_out)
{
    if (left_out)
        printf("%s: used dense, without the plan inside\n", left_out);
}
