/* What an evaluation says, in percent. */
#include "vitcod/evaluate.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_accuracy, top1, "%", "images whose class is the likeliest")},
    {VC_FIELD(vc_accuracy, top5, "%", "images whose class is among the five likeliest")},
    {VC_FIELD(vc_accuracy, loss, "", "mean cross-entropy")},
    {VC_FIELD(vc_accuracy, images_per_s, "1/s", "reading them included")},
};
const vc_record vc_accuracy_record = VC_RECORD("accuracy", vc_accuracy, fields);

static const vc_field class_fields[] = {
    {VC_FIELD_AS(vc_class_accuracy, index, "class", "", "class, from 0")},
    {VC_FIELD(vc_class_accuracy, name, "", "of the class")},
    {VC_FIELD(vc_class_accuracy, images, "", "of this class")},
    {VC_FIELD(vc_class_accuracy, top1, "%", "of them")},
    {VC_FIELD(vc_class_accuracy, top5, "%", "of them")},
};
const vc_record vc_class_accuracy_record =
    VC_RECORD("accuracy of a class", vc_class_accuracy, class_fields);

static double percent_of(size_t hits, size_t images)
{
    return 100.0 * (double)hits / (double)images;
}

vc_accuracy vc_accuracy_of(const vc_evaluation *e)
{
    return (vc_accuracy){.top1 = percent_of(e->top1, e->images),
                         .top5 = percent_of(e->top5, e->images),
                         .loss = e->loss,
                         .images_per_s = (double)e->images / e->seconds};
}

size_t vc_class_accuracies(vc_class_accuracy *out, const vc_class_count *counts, size_t classes,
                           const vc_source *source)
{
    size_t count = 0;
    for (size_t c = 0; c < classes; c++)
        if (counts[c].images)
            out[count++] =
                (vc_class_accuracy){.index = c,
                                    .name = vc_source_class_name(source, c),
                                    .images = counts[c].images,
                                    .top1 = percent_of(counts[c].top1, counts[c].images),
                                    .top5 = percent_of(counts[c].top5, counts[c].images)};
    return count;
}
