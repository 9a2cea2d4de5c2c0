/* What `vitcod train` trains, and on what. */
#include "train.h"

vc_status train_open_set(vc_source **out, const train_options *o, const char *split)
{
    const vc_source_options how = {.split = split, .classes = o->classes, .labelled = 1};
    VC_TRY(vc_source_open(out, o->data, &how));
    if (o->model.path || o->model.arch || vc_source_dataset(*out))
        return VC_OK;
    vc_source_close(*out);
    *out = NULL;
    return vc_fail(VC_EUNSUPPORTED,
                   "%s: encoded images want a model to start from (--init) or a name (--arch)",
                   o->data);
}

/* A model of own sizes takes its shape from images in memory. */
static vc_status make_plain(vc_model **out, const train_options *o, const vc_source *data,
                            size_t seed)
{
    const size_t side = vc_source_dataset(data)->height;
    vc_plain_sizes sizes = o->sizes;
    vc_model_config config;
    vc_model_input input = {.height = side, .width = side};
    sizes.heads = o->model.heads;
    vc_model_input_of_source(&input, data);
    VC_TRY(vc_model_plain(&config, &sizes, &input));
    return vc_model_create(out, &config, seed);
}

static vc_status make_preset(vc_model **out, const train_options *o, const vc_source *data,
                             size_t seed)
{
    vc_model_config config;
    VC_TRY(cli_preset(&config, &o->model));
    vc_model_input input = vc_model_input_of(&config);
    vc_model_input_of_source(&input, data);
    VC_TRY(vc_model_set_input(&config, &input));
    VC_TRY(vc_model_create(out, &config, seed));
    return cli_restrict_attention(*out, &o->model);
}

/* A head for other classes, where the model's own will not do. */
static vc_status give_head(vc_model **model, const train_options *o, const vc_source *data,
                           size_t seed)
{
    const size_t classes = vc_source_classes(data);
    if (!o->new_head || vc_model_input_of(&(*model)->config).classes == classes)
        return VC_OK;
    vc_model *other;
    VC_TRY(vc_model_with_classes(&other, *model, classes, seed));
    vc_model_close(*model);
    *model = other;
    return VC_OK;
}

vc_status train_open_model(vc_model **out, const train_options *o, const vc_source *data,
                           size_t seed)
{
    *out = NULL;
    if (o->model.arch)
        return make_preset(out, o, data, seed);
    if (!o->model.path)
        return make_plain(out, o, data, seed);
    VC_TRY(cli_open_model(out, &o->model, CLI_TRAIN));
    return give_head(out, o, data, seed);
}
