#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train_impl.h"

static vc_status room(vc__wanted *out, size_t images, size_t classes)
{
    *out = (vc__wanted){.logits = malloc((images + 1) * classes * sizeof *out->logits),
                        .classes = malloc((images + 1) * sizeof *out->classes)};
    return out->logits && out->classes
               ? VC_OK
               : vc_fail(VC_ENOMEM, "out of memory for %zu images held back", images);
}

static vc_status ask(vc__wanted *out, vc__walk_images *walk, size_t classes)
{
    for (;;) {
        VC_TRY(vc__walk_images_next(walk, NULL));
        const size_t count = walk->batch.count;
        if (count == 0)
            return VC_OK;
        memcpy(out->logits + out->images * classes, walk->acts.logits,
               count * classes * sizeof *out->logits);
        for (size_t i = 0; i < count; i++)
            out->classes[out->images + i] =
                vc_first_class(walk->acts.logits + i * classes, classes);
        out->images += count;
    }
}

vc_status vc__wanted_open(vc__wanted *out, const vc_model *teacher, vc_source *held,
                          const vc_look *how)
{
    const size_t classes = vc_model_input_of(&teacher->config).classes;
    vc__walk_images walk;
    VC_TRY(room(out, vc_source_count(held), classes));
    vc_status status = vc__walk_images_open(&walk, teacher, held, how);
    if (status == VC_OK)
        status = ask(out, &walk, classes);
    vc__walk_images_close(&walk);
    if (status == VC_OK && out->images == 0)
        status =
            vc_fail(VC_EFORMAT, "of %zu images held back none can be read", vc_source_count(held));
    return status;
}

void vc__wanted_close(vc__wanted *wanted)
{
    free(wanted->logits);
    free(wanted->classes);
    *wanted = (vc__wanted){0};
}

vc_status vc__judge_open(vc__judge *out, const vc_model *student, const vc__wanted *wanted,
                         vc_source *held, const vc_look *how)
{
    vc_look silent = *how; /* the teacher has seen them */
    silent.on_broken = NULL;
    *out = (vc__judge){.wanted = wanted};
    return vc__walk_images_open(&out->walk, student, held, &silent);
}

void vc__judge_close(vc__judge *judge)
{
    vc__walk_images_close(&judge->walk);
}

/* Adds a batch to the sums. */
static vc_status add(vc__judgement *sum, const vc__walk_images *w, const vc__wanted *wanted)
{
    const size_t classes = vc_model_input_of(&w->model->config).classes, count = w->batch.count;
    const float *logits = w->acts.logits;
    if (w->first + count > wanted->images)
        return vc_fail(VC_EFORMAT, "more than %zu images held back, which there were before",
                       wanted->images);
    for (size_t i = 0; i < count; i++)
        sum->agreement +=
            vc_first_class(logits + i * classes, classes) == wanted->classes[w->first + i];
    sum->divergence +=
        (double)count * vc_distillation(NULL, logits, wanted->logits + w->first * classes, count,
                                        classes, 1.0, 1.0);
    if (!isfinite(sum->divergence))
        return vc_fail(VC_EINVAL, "images held back: the divergence is %g, wanted a finite number",
                       sum->divergence);
    return VC_OK;
}

vc_status vc__judge_now(vc__judgement *out, vc__judge *j)
{
    vc__judgement sum = {0};
    size_t images = 0;
    for (;;) {
        VC_TRY(vc__walk_images_next(&j->walk, NULL));
        if (j->walk.batch.count == 0)
            break;
        VC_TRY(add(&sum, &j->walk, j->wanted));
        images += j->walk.batch.count;
    }
    if (images != j->wanted->images)
        return vc_fail(VC_EFORMAT, "%zu images held back can be read, before it were %zu", images,
                       j->wanted->images);
    *out = (vc__judgement){sum.agreement / (double)images, sum.divergence / (double)images};
    return VC_OK;
}
