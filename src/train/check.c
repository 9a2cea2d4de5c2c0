/* Whether a run can be what its options say. */
#include "learner.h"
#include "vitcod/comm.h"

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

/* Blocks are compared one by one. */
static vc_status check_blocks(const vc_train_options *o, const vc_model *model)
{
    const vc_deit_config *s = &model->config.deit, *t = &o->teacher->config.deit;
    if (!vc__looks_inside(o))
        return VC_OK;
    if (model->config.architecture != VC_DEIT)
        return vc_fail(VC_EUNSUPPORTED,
                       "only a deit's blocks can learn from a teacher's, this is a %s",
                       vc_architecture_name(model->config.architecture));
    if ((o->teacher->config.architecture == VC_DEIT && t->depth == s->depth &&
         t->width == s->width && vc_deit_tokens(t) == vc_deit_tokens(s)))
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "the teacher's blocks are not the student's: wanted a DeiT of %zu blocks, %zu "
                   "values and %zu tokens",
                   s->depth, s->width, vc_deit_tokens(s));
}

/* The teacher sees the very batch that the student sees. */
vc_status vc_train_check_teacher(const vc_train_options *o, const vc_model *student)
{
    const vc_model_input own = vc_model_input_of(&student->config), *s = &own;
    const vc_model_input teacher = vc_model_input_of(&o->teacher->config), *t = &teacher;
    if (t->image != s->image || t->channels != s->channels || t->classes != s->classes)
        return vc_fail(VC_EINVAL,
                       "the teacher takes %zu x %zu x %zu and has %zu classes, wanted the "
                       "student's %zu x %zu x %zu and %zu",
                       t->channels, t->image, t->image, t->classes, s->channels, s->image, s->image,
                       s->classes);
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

/* BatchNorm of one image has no deviation. */
static vc_status check_share(const vc_model *model, const vc_train_options *o)
{
    const size_t least = vc__learner_of(model)->least_share, ranks = (size_t)vc_comm_size();
    if (o->batch / ranks >= least)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "a batch of %zu in %zu process%s: a %s wants %zu images or more in each",
                   o->batch, ranks, ranks == 1 ? "" : "es",
                   vc_architecture_name(model->config.architecture), least);
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

vc_status vc__check_training(const vc_model *model, const vc_source *data,
                             const vc_train_options *o)
{
    const int taught = o->teacher && o->distillation == 1.0;
    VC_TRY(vc_model_check_source(model, data));
    if (vc_source_classes(data) == 0 && !taught)
        return vc_fail(VC_EINVAL, "images without labels want a teacher with all of the loss");
    VC_TRY(check_range("the learning rate", o->learning_rate, 0.0, 1e3));
    VC_TRY(check_range("the lowest learning rate", o->min_learning_rate, 0.0, o->learning_rate));
    VC_TRY(check_range("the first learning rate", o->warmup_learning_rate, 0.0, o->learning_rate));
    VC_TRY(check_range("the warm-up", o->warmup_epochs, 0.0, (double)o->epochs));
    VC_TRY(check_range("weight decay", o->weight_decay, 0.0, 1e3));
    VC_TRY(check_range("label smoothing", o->label_smoothing, 0.0, 1.0));
    VC_TRY(check_range("the gradient clip", o->clip, 0.0, 1e30));
    VC_TRY(check_range("the weight of the reconstruction loss", o->reconstruction, 0.0, 1e30));
    VC_TRY(check_range("the weight of the logits", o->logits, 0.0, 1e30));
    VC_TRY(check_range("the moving average's decay", o->ema, 0.0, 1.0));
    VC_TRY(check_range("drop path", o->drop_path, 0.0, 0.999));
    VC_TRY(check_share(model, o));
    VC_TRY(check_heads(model, data, o));
    return o->teacher ? vc_train_check_teacher(o, model) : VC_OK;
}
