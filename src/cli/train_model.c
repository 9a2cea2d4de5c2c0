/* What `vitcod train` trains, and on what. */
#include <math.h>
#include <string.h>

#include "open_data.h"
#include "train.h"
#include "vitcod/plural.h"

static vc_status open_set(vc_source **out, const train_options *o, const char *split)
{
    vc_source_options how = {.split = split,
                             .classes = o->classes,
                             .labelled = 1,
                             .upright = cli_is_upright(o->exif),
                             .sample = strcmp(split, "train") == 0 ? o->sample : 0,
                             .seed = o->train.seed,
                             .own_split = strcmp(split, "test") == 0};
    cli_tell_poses(&how, &o->poses);
    if (how.own_split && o->test_subjects)
        how.subjects = o->test_subjects;
    VC_TRY(vc_source_open(out, o->data, &how));
    if (how.sample > 0)
        cli_note_some(*out, &how);
    if (o->convert)
        vc_source_convert(*out);
    return VC_OK;
}

/* Without a test set epochs are judged by nothing: not by what the model learns from. */
static vc_status open_judge(train_sets *out, const train_options *o)
{
    if (!isnan(o->hold_back)) {
        out->whole = out->learn;
        out->learn = NULL;
        VC_TRY(vc_source_split(&out->learn, &out->judge, out->whole, o->hold_back));
        if (vc_source_count(out->learn) > 0 && vc_source_count(out->judge) > 0)
            return VC_OK;
        return vc_fail(VC_EINVAL, "%s: %zu %s to learn from and %zu held back, wanted some",
                       o->data, vc_source_count(out->learn),
                       vc_samples(vc_source_joints(out->learn), vc_source_count(out->learn)),
                       vc_source_count(out->judge));
    }
    const int poses = vc_source_joints(out->learn) > 0, judged = poses && o->test_subjects;
    if (!poses && o->test_subjects)
        return vc_fail(VC_EINVAL, "%s: images, --test-subjects are of poses", o->data);
    const vc_status status =
        o->test && (!poses || judged) ? open_set(&out->judge, o, "test") : VC_OK;
    if (status == VC_EABSENT)
        return VC_OK;
    VC_TRY(status);
    if (out->judge && vc_source_may_differ(out->learn, out->judge))
        return vc_fail(
            VC_EINVAL,
            "%s: the classes of its test images are not those that it learns: wanted the "
            "same folders in both, or a class list (--classes)",
            o->data);
    return VC_OK;
}

vc_status train_open_sets(train_sets *out, const train_options *o)
{
    *out = (train_sets){0};
    VC_TRY(open_set(&out->learn, o, "train"));
    vc_status status = VC_OK;
    if (!o->model.path && !o->model.arch && vc_source_joints(out->learn) > 0)
        status =
            vc_fail(VC_EUNSUPPORTED,
                    "%s: poses want a model to start from (--init) or a name (--arch)", o->data);
    else if (!o->model.path && !o->model.arch && !vc_source_dataset(out->learn))
        status = vc_fail(
            VC_EUNSUPPORTED,
            "%s: encoded images want a model to start from (--init) or a name (--arch)", o->data);
    if (status == VC_OK)
        status = open_judge(out, o);
    if (status != VC_OK)
        train_close_sets(out);
    return status;
}

void train_close_sets(train_sets *sets)
{
    vc_source_close(sets->judge);
    vc_source_close(sets->learn);
    vc_source_close(sets->whole);
    *sets = (train_sets){0};
}

/* A model of own sizes takes its shape from images in memory. */
static vc_status make_plain(vc_model **out, const train_options *o, const vc_source *data,
                            size_t seed)
{
    const vc_dataset *images = vc_source_dataset(data);
    vc_plain_sizes sizes = o->sizes;
    vc_model_config config;
    vc_model_input input = {.height = images->height, .width = images->width};
    sizes.heads = o->model.heads;
    vc_model_input_of_source(&input, data);
    VC_TRY(vc_model_plain(&config, &sizes, &input));
    VC_TRY(cli_set_looks(&config, &o->model));
    return vc_model_create(out, &config, seed);
}

static vc_status make_preset(vc_model **out, const train_options *o, const vc_source *data,
                             size_t seed)
{
    vc_model_config config;
    VC_TRY(cli_preset(&config, &o->model));
    vc_model_input input = vc_model_input_of(&config);
    if (input.joints == 0) {
        vc_model_input_of_source(&input, data);
        VC_TRY(vc_model_set_input(&config, &input));
        VC_TRY(cli_set_looks(&config, &o->model));
    }
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

static vc_status make_model(vc_model **out, const train_options *o, const vc_source *data,
                            size_t seed)
{
    if (o->model.arch)
        return make_preset(out, o, data, seed);
    if (!o->model.path)
        return make_plain(out, o, data, seed);
    VC_TRY(cli_open_model(out, &o->model, CLI_TRAIN));
    return give_head(out, o, data, seed);
}

vc_status train_open_model(vc_model **out, const train_options *o, const vc_source *data,
                           size_t seed)
{
    *out = NULL;
    VC_TRY(make_model(out, o, data, seed));
    return vc_model_name_classes_as(*out, data);
}

vc_status train_fit_poses(vc_train_options *how, const train_options *o, const vc_model *model)
{
    if (vc_model_input_of(&model->config).joints == 0)
        return VC_OK;
    if (how->label_smoothing != vc_train_options_default().label_smoothing)
        return vc_fail(VC_EINVAL, "--smoothing is of classes, which poses have not");
    if (o->new_head || o->convert)
        return vc_fail(VC_EINVAL, "--new-head and --convert-channels are of images, not of poses");
    how->label_smoothing = 0.0;
    how->augment.shift = o->usual_shift ? 0 : how->augment.shift;
    return VC_OK;
}
