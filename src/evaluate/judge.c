#include "vitcod/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/comm.h"
#include "vitcod/loss.h"
#include "vitcod/plural.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_closeness, agreement, "", "share of images with the dense model's class"),
     VC_KNOWN},
    {VC_FIELD(vc_closeness, divergence, "nat", "mean KL(dense || sparse)"), VC_KNOWN},
    {VC_FIELD(
         vc_closeness, distance, "",
         "without classes: mean of 1 - cosine of the features; of poses: of the joints' distance"),
     VC_KNOWN},
};
const vc_record vc_closeness_record = VC_RECORD("closeness", vc_closeness, fields);

double vc_closeness_loss(const vc_closeness *closeness)
{
    return isnan(closeness->divergence) ? closeness->distance : closeness->divergence;
}

static vc_status open_room(vc_teacher_answers *out, size_t images, const vc_model_input *input)
{
    *out =
        (vc_teacher_answers){.logits = malloc((images + 1) * input->outputs * sizeof *out->logits)};
    if (input->classes > 0)
        out->classes = malloc((images + 1) * sizeof *out->classes);
    return out->logits && (out->classes || input->classes == 0)
               ? VC_OK
               : vc_fail(VC_ENOMEM, "out of memory for %zu %s held back", images,
                         vc_samples(input->joints, images));
}

static vc_status ask_teacher(vc_teacher_answers *out, vc_image_walk *walk, size_t outputs)
{
    for (;;) {
        VC_TRY(vc_image_walk_next(walk, NULL));
        const size_t count = walk->batch.count;
        if (count == 0)
            return VC_OK;
        memcpy(out->logits + out->images * outputs, walk->acts.logits,
               count * outputs * sizeof *out->logits);
        for (size_t i = 0; out->classes && i < count; i++)
            out->classes[out->images + i] =
                vc_first_class(walk->acts.logits + i * outputs, outputs);
        out->images += count;
    }
}

vc_status vc_teacher_answers_open(vc_teacher_answers *out, const vc_model *teacher, vc_source *held,
                                  const vc_look *how)
{
    const vc_model_input input = vc_model_input_of(&teacher->config);
    vc_image_walk walk;
    VC_TRY(open_room(out, vc_source_count(held), &input));
    vc_status status = vc_image_walk_open(&walk, teacher, held, how);
    if (status == VC_OK)
        status = ask_teacher(out, &walk, input.outputs);
    vc_image_walk_close(&walk);
    double all = (double)out->images;
    if (status == VC_OK && how->together)
        status = vc_comm_sum(&all, 1, NULL);
    out->all = (size_t)all;
    if (status == VC_OK && out->all == 0)
        status = vc_fail(VC_EFORMAT, "of %zu %s held back none can be read", vc_source_count(held),
                         vc_source_unit(held, vc_source_count(held)));
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

/* What is far between both, and whether they name the same class. */
static double compare(int *same, const float *logits, const vc_teacher_answers *answers,
                      size_t image, const vc_model_input *input)
{
    const size_t outputs = input->outputs;
    const float *teacher = answers->logits + image * outputs;
    *same = 0;
    if (input->joints > 0)
        return vc_pose_loss(NULL, logits, teacher, 1, input->joints, 1.0);
    if (!answers->classes)
        return vc_cosine_distance(NULL, logits, teacher, 1, outputs, 1.0);
    *same = vc_first_class(logits, outputs) == answers->classes[image];
    return vc_distillation(NULL, logits, teacher, 1, outputs, 1.0, 1.0);
}

/* Of one image: whether it was looked at, whether both name the same class, what is between. */
enum { LOOKED, SAME, BETWEEN, EACH };

static vc_status judge_batch(double *images, const vc_image_walk *w,
                             const vc_teacher_answers *answers)
{
    const vc_model_input input = vc_model_input_of(&w->model->config);
    const size_t outputs = input.outputs, count = w->batch.count;
    if (w->first + count > answers->images)
        return vc_fail(VC_EFORMAT, "more than %zu %s held back, which there were before",
                       answers->images, vc_source_unit(w->source, answers->images));
    for (size_t i = 0; i < count; i++) {
        int same;
        double *image = images + EACH * w->batch.indices[i];
        image[LOOKED] = 1.0;
        image[BETWEEN] =
            compare(&same, w->acts.logits + i * outputs, answers, w->first + i, &input);
        image[SAME] = same;
        if (!isfinite(image[BETWEEN]))
            return vc_fail(VC_EINVAL, "%s held back: the divergence is %g, wanted a finite number",
                           vc_source_unit(w->source, 0), image[BETWEEN]);
    }
    return VC_OK;
}

static vc_status judge_all(double *images, vc_judge *j)
{
    for (;;) {
        VC_TRY(vc_image_walk_next(&j->walk, NULL));
        if (j->walk.batch.count == 0)
            break;
        VC_TRY(judge_batch(images, &j->walk, j->answers));
    }
    return j->walk.how.ranks > 0 ? vc_comm_sum(images, EACH * vc_source_count(j->walk.source), NULL)
                                 : VC_OK;
}

/* In the order of the images, whoever has judged them. */
static void add_images(sums *s, const double *images, const vc_source *source)
{
    for (size_t i = 0; i < vc_source_count(source); i++) {
        const double *image = images + EACH * i;
        const size_t part = vc_source_part_of(source, i);
        s->images[part] += image[LOOKED] > 0.0;
        s->sum[part].agreement += image[SAME];
        s->sum[part].divergence += image[BETWEEN];
    }
}

/* Without classes what was summed up is a distance. */
static vc_closeness mean_of(vc_closeness sum, size_t images, int classes)
{
    const double mean = sum.divergence / (double)images;
    return classes ? (vc_closeness){sum.agreement / (double)images, mean, NAN}
                   : (vc_closeness){NAN, NAN, mean};
}

/* Fills the judgement; returns the images of all parts. */
static size_t sum_up(vc_judgement *out, const sums *s, size_t parts, int classes)
{
    vc_closeness all = {0};
    size_t images = 0;
    *out = (vc_judgement){.part_count = parts};
    for (size_t p = 0; p < parts; p++) {
        out->parts[p] = mean_of(s->sum[p], s->images[p], classes);
        all.agreement += s->sum[p].agreement;
        all.divergence += s->sum[p].divergence;
        images += s->images[p];
    }
    out->all = mean_of(all, images, classes);
    return images;
}

vc_status vc_judge_now(vc_judgement *out, vc_judge *j)
{
    sums s = {0};
    double *all = calloc(EACH * vc_source_count(j->walk.source) + 1, sizeof *all);
    vc_status status = all ? judge_all(all, j)
                           : vc_fail(VC_ENOMEM, "out of memory for what is judged of %s",
                                     vc_source_unit(j->walk.source, 0));
    if (status == VC_OK)
        add_images(&s, all, j->walk.source);
    free(all);
    VC_TRY(status);
    const size_t images =
        sum_up(out, &s, vc_source_parts(j->walk.source), j->answers->classes != NULL);
    if (images != j->answers->all)
        return vc_fail(VC_EFORMAT, "%zu %s held back can be read, before it were %zu", images,
                       vc_source_unit(j->walk.source, images), j->answers->all);
    return VC_OK;
}
