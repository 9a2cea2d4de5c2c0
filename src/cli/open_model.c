#include "open_model.h"

static vc_status restrict_attention(vc_model *model, const cli_model_options *options)
{
    if (options->mask && options->plan)
        return vc_fail(VC_EINVAL, "both --mask %s and --plan %s, wanted one", options->mask,
                       options->plan);
    if (options->mask) {
        vc_mask mask;
        VC_TRY(vc_mask_read(&mask, options->mask));
        vc_status status = vc_model_use_mask(model, &mask, options->mask);
        vc_mask_close(&mask);
        return status;
    }
    if (options->plan) {
        vc_plan plan;
        VC_TRY(vc_plan_read(&plan, options->plan));
        vc_status status = vc_model_use_plan(model, &plan, options->plan);
        vc_plan_close(&plan);
        return status;
    }
    return VC_OK;
}

vc_status cli_open_model(vc_model **out, const char *path, const cli_model_options *options,
                         int pack)
{
    const vc_model_options how = {.heads = options->heads, .autoencoder = options->autoencoder};
    VC_TRY(vc_model_open(out, path, &how));
    vc_status status = restrict_attention(*out, options);
    if (status == VC_OK && pack)
        status = vc_model_pack(*out);
    if (status != VC_OK) {
        vc_model_close(*out);
        *out = NULL;
    }
    return status;
}
