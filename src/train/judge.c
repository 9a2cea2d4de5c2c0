#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 };

vc_status vc__judge_open(vc__judge *out, const vc_model *student, const float *wanted,
                         const vc_dataset *held)
{
    *out = (vc__judge){.wanted = wanted};
    VC_TRY(vc_model_check_data(student, held));
    return vc__walk_images_open(&out->walk, student, held, BATCH);
}

void vc__judge_close(vc__judge *judge)
{
    vc__walk_images_close(&judge->walk);
}

vc_status vc__judge_teacher(float **wanted, const vc_model *teacher, const vc_dataset *held)
{
    const size_t classes = vc_model_input_of(&teacher->config).classes;
    vc__walk_images walk;
    vc_status status = vc__walk_images_open(&walk, teacher, held, BATCH);
    *wanted = malloc((held->count + 1) * classes * sizeof **wanted);
    if (status == VC_OK && !*wanted)
        status = vc_fail(VC_ENOMEM, "out of memory for %zu images held back", held->count);
    while (status == VC_OK && vc__walk_images_next(&walk, NULL))
        memcpy(*wanted + walk.first * classes, walk.acts.logits,
               walk.count * classes * sizeof **wanted);
    vc__walk_images_close(&walk);
    return status;
}

vc_status vc__judge_now(vc__judgement *out, vc__judge *j)
{
    vc__walk_images *w = &j->walk;
    const size_t classes = vc_model_input_of(&w->model->config).classes;
    const double count = (double)w->data->count;
    double hits = 0.0, divergence = 0.0;
    while (vc__walk_images_next(w, NULL)) {
        const float *logits = w->acts.logits;
        const vc_loss loss = vc_cross_entropy(NULL, logits, w->y, w->count, classes, 0.0f);
        hits += (double)loss.top1;
        if (j->wanted)
            divergence +=
                (double)w->count * vc_distillation(NULL, logits, j->wanted + w->first * classes,
                                                   w->count, classes, 1.0, 1.0);
        if (!isfinite(loss.task) || !isfinite(divergence))
            return vc_fail(VC_EINVAL,
                           "images held back: the loss is %g and the divergence %g, wanted finite "
                           "numbers",
                           loss.task, divergence);
    }
    *out = (vc__judgement){hits / count, divergence / count};
    return VC_OK;
}
