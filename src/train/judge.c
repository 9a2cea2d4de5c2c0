#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 };

vc_status vc__judge_open(vc__judge *out, const vc_model *student, const float *wanted,
                         const vc_dataset *held)
{
    const vc_model_input in = vc_model_input_of(&student->config);
    *out = (vc__judge){.model = student, .held = held, .wanted = wanted};
    VC_TRY(vc_model_check_data(student, held));
    out->x = malloc(BATCH * in.channels * in.image * in.image * sizeof *out->x);
    out->y = malloc(BATCH * sizeof *out->y);
    out->order = malloc((held->count + 1) * sizeof *out->order);
    if (!out->x || !out->y || !out->order)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images held back", held->count);
    for (size_t i = 0; i < held->count; i++)
        out->order[i] = (uint32_t)i;
    return vc_acts_open(&out->acts, student, BATCH, 0);
}

void vc__judge_close(vc__judge *judge)
{
    vc_acts_close(&judge->acts);
    free(judge->x);
    free(judge->y);
    free(judge->order);
    *judge = (vc__judge){0};
}

/* The logits of the batch from image `first` on lie in acts; returns how many images it has. */
static size_t run_batch(vc__judge *j, size_t first)
{
    const vc_batch_options plain = vc_model_batch_options(j->model);
    const size_t left = j->held->count - first, count = left < BATCH ? left : BATCH;
    vc_batch_load(j->x, j->y, j->held, j->order + first, count, &plain);
    vc_model_forward(&j->acts, j->model, j->x, count, NULL);
    return count;
}

vc_status vc__judge_teacher(float **wanted, const vc_model *teacher, const vc_dataset *held)
{
    const size_t classes = vc_model_input_of(&teacher->config).classes;
    vc__judge j;
    vc_status status = vc__judge_open(&j, teacher, NULL, held);
    *wanted = malloc((held->count + 1) * classes * sizeof **wanted);
    if (status == VC_OK && !*wanted)
        status = vc_fail(VC_ENOMEM, "out of memory for %zu images held back", held->count);
    for (size_t done = 0, n; status == VC_OK && done < held->count; done += n) {
        n = run_batch(&j, done);
        memcpy(*wanted + done * classes, j.acts.logits, n * classes * sizeof **wanted);
    }
    vc__judge_close(&j);
    return status;
}

vc_status vc__judge_now(vc__judgement *out, vc__judge *j)
{
    const size_t classes = vc_model_input_of(&j->model->config).classes, count = j->held->count;
    double hits = 0.0, divergence = 0.0;
    for (size_t done = 0, n; done < count; done += n) {
        n = run_batch(j, done);
        const vc_loss loss = vc_cross_entropy(NULL, j->acts.logits, j->y, n, classes, 0.0f);
        hits += (double)loss.top1;
        if (j->wanted)
            divergence +=
                (double)n * vc_distillation(NULL, j->acts.logits, j->wanted + done * classes, n,
                                            classes, 1.0, 1.0);
        if (!isfinite(loss.task) || !isfinite(divergence))
            return vc_fail(VC_EINVAL,
                           "images held back: the loss is %g and the divergence %g, wanted finite "
                           "numbers",
                           loss.task, divergence);
    }
    *out = (vc__judgement){hits / (double)count, divergence / (double)count};
    return VC_OK;
}
