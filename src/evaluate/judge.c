#include "vitcod/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/loss.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_closeness, agreement, "", "share of images with the dense model's class"),
     VC_KNOWN},
    {VC_FIELD(vc_closeness, divergence, "nat", "mean KL(dense || sparse)"), VC_KNOWN},
};
const vc_record vc_closeness_record = VC_RECORD("closeness", vc_closeness, fields);

static vc_status open_room(vc_teacher_answers *out, size_t images, size_t classes)
{
    *out = (vc_teacher_answers){.logits = malloc((images + 1) * classes * sizeof *out->logits),
                                .classes = malloc((images + 1) * sizeof *out->classes)};
    return out->logits && out->classes
               ? VC_OK
               : vc_fail(VC_ENOMEM, "out of memory for %zu images held back", images);
}

static vc_status ask_teacher(vc_teacher_answers *out, vc_image_walk *walk, size_t classes)
{
    for (;;) {
        VC_TRY(vc_image_walk_next(walk, NULL));
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

vc_status vc_teacher_answers_open(vc_teacher_answers *out, const vc_model *teacher, vc_source *held,
                                  const vc_look *how)
{
    const size_t classes = vc_model_input_of(&teacher->config).classes;
    vc_image_walk walk;
    VC_TRY(vc_model_check_classifier(&teacher->config));
    VC_TRY(open_room(out, vc_source_count(held), classes));
    vc_status status = vc_image_walk_open(&walk, teacher, held, how);
    if (status == VC_OK)
        status = ask_teacher(out, &walk, classes);
    vc_image_walk_close(&walk);
    if (status == VC_OK && out->images == 0)
        status =
            vc_fail(VC_EFORMAT, "of %zu images held back none can be read", vc_source_count(held));
    return status;
}

void vc_teacher_answers_close(vc_teacher_answers *answers)
{
    free(answers->logits);
    free(answers->classes);
    *answers = (vc_teacher_answers){0};
}

vc_status vc_judge_open(vc_judge *out, const vc_model *student, const vc_teacher_answers *answers,
                        vc_source *held, const vc_look *how)
{
    vc_look silent = *how; /* broken images were reported for the teacher */
    silent.on_broken = NULL;
    *out = (vc_judge){.answers = answers};
    return vc_image_walk_open(&out->walk, student, held, &silent);
}

void vc_judge_close(vc_judge *judge)
{
    vc_image_walk_close(&judge->walk);
}

/* Sums over images, and how many there were. */
typedef struct sums {
    vc_closeness sum[VC_SOURCE_MOST_PARTS];
    size_t images[VC_SOURCE_MOST_PARTS];
} sums;

static vc_status add_batch(sums *s, const vc_image_walk *w, const vc_teacher_answers *answers)
{
    const size_t classes = vc_model_input_of(&w->model->config).classes, count = w->batch.count;
    if (w->first + count > answers->images)
        return vc_fail(VC_EFORMAT, "more than %zu images held back, which there were before",
                       answers->images);
    for (size_t i = 0; i < count; i++) {
        const float *logits = w->acts.logits + i * classes;
        const size_t part = vc_source_part_of(w->source, w->batch.indices[i]);
        const double divergence = vc_distillation(
            NULL, logits, answers->logits + (w->first + i) * classes, 1, classes, 1.0, 1.0);
        if (!isfinite(divergence))
            return vc_fail(VC_EINVAL,
                           "images held back: the divergence is %g, wanted a finite number",
                           divergence);
        s->sum[part].agreement += vc_first_class(logits, classes) == answers->classes[w->first + i];
        s->sum[part].divergence += divergence;
        s->images[part]++;
    }
    return VC_OK;
}

static vc_closeness mean_of(vc_closeness sum, size_t images)
{
    return (vc_closeness){sum.agreement / (double)images, sum.divergence / (double)images};
}

/* Fills the judgement; returns the images of all parts. */
static size_t sum_up(vc_judgement *out, const sums *s, size_t parts)
{
    vc_closeness all = {0};
    size_t images = 0;
    *out = (vc_judgement){.part_count = parts};
    for (size_t p = 0; p < parts; p++) {
        out->parts[p] = mean_of(s->sum[p], s->images[p]);
        all.agreement += s->sum[p].agreement;
        all.divergence += s->sum[p].divergence;
        images += s->images[p];
    }
    out->all = mean_of(all, images);
    return images;
}

vc_status vc_judge_now(vc_judgement *out, vc_judge *j)
{
    sums s = {0};
    for (;;) {
        VC_TRY(vc_image_walk_next(&j->walk, NULL));
        if (j->walk.batch.count == 0)
            break;
        VC_TRY(add_batch(&s, &j->walk, j->answers));
    }
    const size_t images = sum_up(out, &s, vc_source_parts(j->walk.source));
    if (images != j->answers->images)
        return vc_fail(VC_EFORMAT, "%zu images held back can be read, before it were %zu", images,
                       j->answers->images);
    return VC_OK;
}
