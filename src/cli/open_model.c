#include "open_model.h"

#include <stdio.h>

#include "open_plan.h"

vc_status cli_restrict_attention(vc_model *model, const cli_model_options *options)
{
    return vc_model_use_files(model, options->mask,
                              cli_is_none(options->plan) ? NULL : options->plan);
}

int cli_check_model_options(const cli_command *command, const cli_model_options *options)
{
    if (options->mask && options->plan)
        return cli_usage(command, "both --mask and --plan, wanted one of them");
    return CLI_CONTINUE;
}

int cli_take_model(const cli_command *command, cli_model_options *options,
                   const cli_arguments *arguments, const cli_common *common)
{
    options->path = arguments->count > 0 ? arguments->positional[0] : NULL;
    options->seed = common->seed;
    if (!options->path == !options->arch)
        return cli_usage(command, "wanted one of MODEL and --arch NAME");
    if (options->arch && (options->autoencoder || options->heads))
        return cli_usage(command, "--autoencoder and --heads belong to a MODEL");
    return cli_check_model_options(command, options);
}

vc_status cli_preset(vc_model_config *out, const cli_model_options *options)
{
    VC_TRY(vc_model_preset(out, options->arch));
    if (options->image_size == 0 || vc_model_resize(out, options->image_size) == VC_OK)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: %s", options->arch, vc_last_error());
}

static vc_status make_model(vc_model **out, const cli_model_options *options)
{
    vc_model_config config;
    VC_TRY(cli_preset(&config, options));
    return vc_model_create(out, &config, options->seed);
}

vc_status cli_open_model(vc_model **out, const cli_model_options *options, cli_purpose purpose)
{
    const vc_model_options how = {.heads = options->heads,
                                  .autoencoder = options->autoencoder,
                                  .image_size = options->image_size,
                                  .without_plan = options->mask || options->plan,
                                  .in_place = purpose != CLI_TRAIN};
    VC_TRY(options->arch ? make_model(out, options) : vc_model_open(out, options->path, &how));
    vc_status status = cli_restrict_attention(*out, options);
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
