#include "judge.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 16 };

vc_status vc__judge_open(vc__judge *out, const vc_model *student, const vc_model *teacher,
                         const vc_dataset *held)
{
    const vc_model_input in = vc_model_input_of(&student->config);
    *out = (vc__judge){.student = student, .teacher = teacher, .held = held};
    VC_TRY(vc_model_check_data(student, held));
    out->x = malloc(BATCH * in.channels * in.image * in.image * sizeof *out->x);
    out->y = malloc(BATCH * sizeof *out->y);
    out->order = malloc((held->count + 1) * sizeof *out->order);
    out->spare = malloc(BATCH * in.classes * sizeof *out->spare);
    if (!out->x || !out->y || !out->order || !out->spare)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images held back", held->count);
    for (size_t i = 0; i < held->count; i++)
        out->order[i] = (uint32_t)i;
    VC_TRY(vc_acts_open(&out->acts, student, BATCH, 0));
    return teacher ? vc_acts_open(&out->teacher_acts, teacher, BATCH, 0) : VC_OK;
}

void vc__judge_close(vc__judge *judge)
{
    vc_acts_close(&judge->acts);
    vc_acts_close(&judge->teacher_acts);
    free(judge->x);
    free(judge->y);
    free(judge->spare);
    free(judge->order);
    *judge = (vc__judge){0};
}

vc_status vc__judge_now(vc__judgement *out, vc__judge *j)
{
    const size_t classes = vc_model_input_of(&j->student->config).classes, count = j->held->count;
    const vc_batch_options plain = vc_model_batch_options(j->student);
    double hits = 0.0, divergence = 0.0;
    for (size_t done = 0; done < count; done += BATCH) {
        const size_t n = count - done < BATCH ? count - done : BATCH;
        vc_batch_load(j->x, j->y, j->held, j->order + done, n, &plain);
        vc_model_forward(&j->acts, j->student, j->x, n, NULL);
        const vc_loss loss = vc_cross_entropy(NULL, j->acts.logits, j->y, n, classes, 0.0f);
        if (!isfinite(loss.task))
            return vc_fail(VC_EINVAL, "the loss on images held back is %g, wanted a finite number",
                           loss.task);
        hits += (double)loss.top1;
        if (!j->teacher)
            continue;
        vc_model_forward(&j->teacher_acts, j->teacher, j->x, n, NULL);
        divergence += (double)n * vc_distillation(j->spare, j->acts.logits, j->teacher_acts.logits,
                                                  n, classes, 1.0, 1.0);
    }
    *out = (vc__judgement){hits / (double)count, divergence / (double)count};
    return VC_OK;
}
