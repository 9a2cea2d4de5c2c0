#include "vitcod/classify.h"

#include <stdlib.h>
#include <string.h>

#include "vitcod/engine_pass.h"

static vc_status classify_one(vc_ranked_class *best, const vc_loaded *one, vc_engine_pass *pass,
                              const vc_model *model, const vc_source *source, size_t top)
{
    const size_t classes = vc_model_input_of(&model->config).classes;
    const vc_tensor logits = {VC_F32, 1, {classes}, pass->logits};
    char name[VC_SOURCE_NAME];
    VC_TRY(vc_engine_run(pass->engine, pass->logits, one->x, 1));
    VC_TRY(
        vc_tensor_check_finite(&logits, vc_source_name(name, source, one->indices[0]), "logits"));
    return vc_rank_classes(best, top, pass->logits, classes);
}

static vc_status classify_all(vc_loader *loader, vc_engine_pass *pass, const vc_model *model,
                              const vc_source *source, const vc_classify_options *o)
{
    vc_loaded one;
    vc_ranked_class *best = malloc(o->top * sizeof *best);
    if (!best)
        return vc_fail(VC_ENOMEM, "out of memory for %zu classes", o->top);
    vc_status status = vc_loader_next(&one, loader);
    while (status == VC_OK && one.count > 0) {
        status = classify_one(best, &one, pass, model, source, o->top);
        if (status != VC_OK)
            break;
        o->on_image(o->context, one.indices[0], best);
        status = vc_loader_next(&one, loader);
    }
    free(best);
    return status;
}

vc_status vc_classify(const vc_model *model, vc_source *source, const vc_classify_options *o)
{
    vc_loader_options how = vc_model_loader_options(model);
    vc_engine_pass pass = {0};
    vc_loader *loader;
    how.on_broken = o->on_broken;
    how.context = o->broken_context;
    VC_TRY(vc_loader_open(&loader, source, &how));
    vc_status status = vc_engine_pass_open(&pass, model, &o->engine);
    if (status == VC_OK)
        status = classify_all(loader, &pass, model, source, o);
    vc_engine_pass_close(&pass);
    vc_loader_close(loader);
    return status;
}

/* ---- as results have it */

static const vc_field class_fields[] = {
    {VC_FIELD_AS(vc_named_class, index, "class", "", "class, from 0")},
    {VC_FIELD(vc_named_class, name, "", "of the class")},
    {VC_FIELD(vc_named_class, probability, "", "softmax over all classes")},
};
static const vc_record class_record = VC_RECORD("class", vc_named_class, class_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_classified, image, "", "file")},
    {VC_FIELD_RECORDS(vc_classified, top, top_count, "top", &class_record, "likeliest classes")},
};
const vc_record vc_classified_record = VC_RECORD("image", vc_classified, fields);

vc_status vc_classified_open(vc_classified *out, const char *image, const vc_ranked_class *best,
                             size_t top, const vc_source *source)
{
    *out = (vc_classified){strdup(image), calloc(top, sizeof *out->top), top};
    if (!out->image || !out->top) {
        vc_classified_close(out);
        return vc_fail(VC_ENOMEM, "out of memory for %zu classes", top);
    }
    for (size_t i = 0; i < top; i++)
        out->top[i] = (vc_named_class){best[i].index, vc_source_class_name(source, best[i].index),
                                       best[i].probability};
    return VC_OK;
}

void vc_classified_close(vc_classified *classified)
{
    free((char *)classified->image);
    free(classified->top);
    *classified = (vc_classified){0};
}
