/* Checks of the options of a run. */
#include "train_impl.h"
#include "vitcod/comm.h"
#include "vitcod/plural.h"

int vc__looks_inside(const vc_train_options *o)
{
    return o->teacher && (o->features > 0.0 || o->attention > 0.0);
}

static vc_status check_range(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s is %g, wanted %g to %g", name, value, low, high);
}

/* Student and teacher are compared block by block, so they must have the same blocks. */
static vc_status check_blocks(const vc_train_options *o, const vc_model *model)
{
    const vc_model_config *own = &model->config, *other = &o->teacher->config;
    char those[VC_FAMILIES_TEXT];
    if (!vc__looks_inside(o))
        return VC_OK;
    if (!vc_model_can(own, VC_ABILITY_BLOCKS))
        return vc_fail(VC_EUNSUPPORTED,
                       "only blocks of %s can learn from a teacher's, this is a %s",
                       vc_families_that_can(those, VC_ABILITY_BLOCKS), vc_model_family(own));
    const size_t layers = vc_model_layers(own);
    int alike = vc_model_can(other, VC_ABILITY_BLOCKS) && vc_model_layers(other) == layers;
    for (size_t i = 0; alike && i < layers; i++) {
        const vc_attention_layer s = vc_model_layer(own, i), t = vc_model_layer(other, i);
        alike = s.width == t.width && s.queries == t.queries &&
                s.heads * s.value_dim == t.heads * t.value_dim;
    }
    if (alike)
        return VC_OK;
    const vc_attention_layer first = vc_model_layer(own, 0);
    return vc_fail(VC_EINVAL,
                   "the teacher's blocks are not the student's: wanted a %s of %zu blocks, %zu "
                   "values and %zu tokens",
                   vc_model_family_title(own), layers, first.width, first.queries);
}

/* The teacher gets the same batch as the student. */
vc_status vc_train_check_teacher(const vc_train_options *o, const vc_model *student)
{
    const vc_model_input own = vc_model_input_of(&student->config), *s = &own;
    const vc_model_input teacher = vc_model_input_of(&o->teacher->config), *t = &teacher;
    if (t->height != s->height || t->width != s->width || t->channels != s->channels ||
        t->classes != s->classes || t->outputs != s->outputs)
        return vc_fail(VC_EINVAL,
                       "the teacher takes %zu x %zu x %zu and has %zu classes, wanted the "
                       "student's %zu x %zu x %zu and %zu",
                       t->channels, t->height, t->width, t->classes, s->channels, s->height,
                       s->width, s->classes);
    for (size_t c = 0; c < s->channels; c++)
        if (t->mean[c] != s->mean[c] || t->std[c] != s->std[c])
            return vc_fail(VC_EINVAL,
                           "the teacher's input has mean %g and deviation %g, wanted the "
                           "student's %g and %g",
                           (double)t->mean[c], (double)t->std[c], (double)s->mean[c],
                           (double)s->std[c]);
    VC_TRY(check_range("the teacher's share", o->distillation, 0.0, 1.0));
    VC_TRY(check_range("the weight of the teacher's blocks", o->features, 0.0, 1e30));
    VC_TRY(check_range("the weight of the teacher's attention", o->attention, 0.0, 1e30));
    VC_TRY(check_blocks(o, student));
    return check_range("the temperature", o->temperature, 1e-3, 1e3);
}

/* BatchNorm needs a deviation, which a batch of one image does not have. */
static vc_status check_share(const vc_model *model, const vc_train_options *o)
{
    const size_t least = vc_model_least_share(&model->config), ranks = (size_t)vc_comm_size();
    if (o->settled && !vc_model_observes_settled(&model->config))
        return vc_fail(VC_EUNSUPPORTED,
                       "a %s learns by the statistics of its batches, not by running ones",
                       vc_model_family(&model->config));
    if (o->batch / ranks >= least || o->settled)
        return VC_OK;
    return vc_fail(VC_EINVAL, "a batch of %zu in %zu %s: a %s wants %zu %s or more in each",
                   o->batch, ranks, vc_plural(ranks, "process", "processes"),
                   vc_model_family(&model->config), least,
                   vc_samples(vc_model_input_of(&model->config).joints, least));
}

/* What a part learns from may be nothing that depends on the other parts' images. */
static vc_status check_parts(const vc_model *model, const vc_train_options *o)
{
    const size_t ranks = (size_t)vc_comm_size();
    if (o->parts == 0 || o->epochs == 0 || (o->parts == 1 && ranks == 1))
        return VC_OK;
    if (o->parts % ranks != 0)
        return vc_fail(VC_EINVAL,
                       "batches in %zu %s for %zu processes: wanted a multiple of %zu, of which "
                       "each number of processes that divides it makes the same (--parts)",
                       o->parts, vc_plural(o->parts, "part", "parts"), ranks, ranks);
    if (vc_model_is_compressed(&model->config))
        return vc_fail(VC_EUNSUPPORTED,
                       "an auto-encoder's loss is of a whole batch, which has %zu parts: wanted 1 "
                       "in one process",
                       o->parts);
    for (size_t i = 0; i < model->param_count && !o->settled; i++)
        if (model->params[i].statistic)
            return vc_fail(VC_EUNSUPPORTED,
                           "'%s' is a statistic of a whole batch, which has %zu parts: wanted 1 in "
                           "one process",
                           model->params[i].name, o->parts);
    return VC_OK;
}

static vc_status check_heads(const vc_model *model, const vc_source *data,
                             const vc_train_options *o)
{
    if (!o->teacher && (o->two_heads || o->hard_distillation))
        return vc_fail(VC_EINVAL, "two heads apart and hard distillation want a teacher");
    if (!o->two_heads)
        return VC_OK;
    if (vc_model_input_of(&model->config).classifiers != 2)
        return vc_fail(VC_EINVAL, "two heads taught apart want a model with two heads");
    if (vc_source_classes(data) == 0)
        return vc_fail(VC_EINVAL, "two heads taught apart want labels for the first");
    return VC_OK;
}

/* With queries the weights of a pooling stay above 0 (vc_pooling), which steps do not promise. */
static vc_status check_pooling(const vc_model *model, const vc_train_options *o)
{
    for (size_t l = 0; o->pooling_rate > 0.0 && l < vc_model_layers(&model->config); l++) {
        const vc_pattern *pattern = vc_model_pattern(model, l);
        if (pattern && pattern->pooling && pattern->pooling->query)
            return vc_fail(VC_EINVAL,
                           "layer %zu is pooled by queries, whose weights cannot be learnt: wanted "
                           "a pooling rate of 0",
                           l);
    }
    return VC_OK;
}

static vc_status check_task(const vc_model *model, const vc_source *data, const vc_train_options *o)
{
    const int taught = o->teacher && o->distillation == 1.0;
    const vc_model_input input = vc_model_input_of(&model->config);
    if (input.joints > 0 && o->hard_distillation)
        return vc_fail(VC_EINVAL, "hard distillation is of classes, which poses have not");
    if (input.joints > 0)
        return vc_source_has_truth(data) || taught
                   ? VC_OK
                   : vc_fail(VC_EINVAL,
                             "%s: poses without what they are in 3-D: wanted a truth, or a "
                             "teacher with all of the loss",
                             vc_source_path(data, 0));
    if (input.classes == 0 && (!taught || o->hard_distillation))
        return vc_fail(VC_EINVAL, "a model without classes learns features from a teacher, and no "
                                  "labels: wanted a head for them (`vitcod train --new-head`)");
    return vc_source_classes(data) > 0 || taught
               ? VC_OK
               : vc_fail(VC_EINVAL, "images without labels want a teacher with all of the loss");
}

vc_status vc__check_training(const vc_model *model, vc_source *data, const vc_train_options *o)
{
    VC_TRY(vc_model_check_source(model, data));
    VC_TRY(check_task(model, data, o));
    VC_TRY(check_range("the learning rate", o->learning_rate, 0.0, 1e3));
    VC_TRY(check_range("the lowest learning rate", o->min_learning_rate, 0.0, o->learning_rate));
    VC_TRY(check_range("the first learning rate", o->warmup_learning_rate, 0.0, o->learning_rate));
    VC_TRY(check_range("the warm-up", o->warmup_epochs, 0.0, (double)o->epochs));
    VC_TRY(check_range("weight decay", o->weight_decay, 0.0, 1e3));
    VC_TRY(check_range("label smoothing", o->label_smoothing, 0.0, 1.0));
    VC_TRY(check_range("the gradient clip", o->clip, 0.0, 1e30));
    VC_TRY(check_range("the factor of the auto-encoder's learning rate", o->coder_rate, 0.0, 1e6));
    VC_TRY(check_range("the weight of the reconstruction loss", o->reconstruction, 0.0, 1e30));
    VC_TRY(check_range("the weight of the logits", o->logits, 0.0, 1e30));
    VC_TRY(check_range("the moving average's decay", o->ema, 0.0, 1.0));
    VC_TRY(check_range("drop path", o->drop_path, 0.0, 0.999));
    VC_TRY(check_pooling(model, o));
    VC_TRY(check_share(model, o));
    VC_TRY(check_parts(model, o));
    VC_TRY(check_heads(model, data, o));
    return o->teacher ? vc_train_check_teacher(o, model) : VC_OK;
}
