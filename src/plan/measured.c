#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measured_impl.h"

static const char *class_name(size_t class)
{
    return class == VC_MEASURED_ELEMENTWISE ? "elementwise"
           : class == VC_MEASURED_OTHER     ? "other"
                                            : vc_work_name((vc_work) class);
}

static size_t class_of(const char *name)
{
    size_t class = 0;
    while (class < VC_MEASURED_OTHER && strcmp(class_name(class), name) != 0)
        class ++;
    return class;
}

const char *vc__text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

vc_status vc__time_of(double *out, const json_t *object, const char *key, const char *what,
                      const char *path)
{
    static const double most = 1e18; /* microseconds since 1970 are 1.8e15 */
    const json_t *value = json_object_get(object, key);
    *out = json_number_value(value);
    if (json_is_number(value) && *out >= 0.0 && *out <= most)
        return VC_OK;
    if (!json_is_number(value))
        return vc_fail(VC_EFORMAT, "%s: '%s' has no number '%s'", path, what, key);
    return vc_fail(VC_EFORMAT, "%s: '%s' has %g as '%s', wanted 0 to 1e18", path, what, *out, key);
}

/* The operators of `bench`, the kinds of work of `profile`; ms of a batch. */
static vc_status add_own(vc__class_times *out, const json_t *list, int kinds, const char *path)
{
    size_t i;
    json_t *one;
    json_array_foreach (list, i, one) {
        const char *name = vc__text_of(one, kinds ? "work" : "name");
        size_t class = kinds ? class_of(name) : VC_MEASURED_OTHER;
        double ms;
        for (int k = 0; !kinds && k < VC_OP_COUNT; k++)
            if (strcmp(vc_op_name((vc_op_kind)k), name) == 0)
                class = vc_op_work((vc_op_kind)k);
        VC_TRY(vc__time_of(&ms, one, "ms", name, path));
        out->us[class] += 1e3 * ms;
    }
    return VC_OK;
}

/* `whole`: of a batch, in ms. */
static vc_status read_own(vc__class_times *out, double *whole, const json_t *root, const char *path)
{
    const char *verb = vc__text_of(root, "verb");
    const int bench = strcmp(verb, "bench") == 0;
    const json_t *batch = json_object_get(root, "batch");
    const json_t *holder = bench ? root : json_object_get(root, "untimed_ms");
    const char *key = bench ? "median_ms" : "median";
    if (!(vc_json_number(holder, key) > 0.0))
        return vc_fail(VC_EFORMAT, "%s: '%s' has no time of a whole model in it", path, verb);
    VC_TRY(vc__time_of(whole, holder, key, verb, path));
    if (json_integer_value(batch) < 1)
        return vc_fail(VC_EFORMAT, "%s: '%s' has no number 'batch' of images in it", path, verb);
    out->runs = (double)json_integer_value(batch);
    return add_own(out, json_object_get(root, bench ? "operators" : "work"), !bench, path);
}

/* How many runs a file is of counts where it says so, how many images each has where not. */
static void sum_up(vc_measured *out, const vc__class_times *t, double whole_ms, double images)
{
    double sum = 0.0;
    for (size_t c = 0; c < VC_MEASURED_CLASSES; c++)
        sum += t->us[c];
    for (size_t c = 0; c < VC_MEASURED_CLASSES; c++)
        if (t->us[c] > 0.0)
            out->classes[out->class_count++] =
                (vc_measured_class){class_name(c), t->us[c] / images, t->us[c] / sum};
    const double attention =
        t->us[VC_WORK_QK] + t->us[VC_WORK_SOFTMAX] + t->us[VC_WORK_SV] + t->us[VC_WORK_ATTENTION];
    out->attention_us = attention > 0.0 ? attention / images : NAN;
    out->end_to_end_us = (isnan(whole_ms) ? sum : 1e3 * whole_ms) / images;
}

static const json_t *events_of(const json_t *root)
{
    return json_is_array(root) ? root : json_object_get(root, "traceEvents");
}

const char *vc_measured_kind(const json_t *root)
{
    const char *verb = vc__text_of(root, "verb");
    const json_t *first = json_array_get(events_of(root), 0);
    return strcmp(verb, "bench") == 0 || strcmp(verb, "profile") == 0 ? "vitcod"
           : first && json_object_get(first, "ph")                    ? "PyTorch"
           : first && json_is_array(root)                             ? "TensorRT"
                                                                      : NULL;
}

static vc_status read_root(vc_measured *out, const json_t *root, const char *path, size_t batch)
{
    vc__class_times times = {.runs = 1.0};
    double whole = NAN, images = batch ? (double)batch : 1.0;
    out->kind = vc_measured_kind(root);
    if (!out->kind)
        return vc_fail(VC_EFORMAT,
                       "%s: wanted the JSON of `vitcod bench` or `profile`, of trtexec "
                       "--exportProfile, or a Chrome trace of PyTorch",
                       path);
    if (strcmp(out->kind, "vitcod") == 0) {
        VC_TRY(read_own(&times, &whole, root, path));
        images = 1.0;
    } else if (strcmp(out->kind, "PyTorch") == 0)
        VC_TRY(vc__times_of_pytorch(&times, events_of(root), path));
    else
        VC_TRY(vc__times_of_tensorrt(&times, root, path));
    sum_up(out, &times, whole, images * (times.runs > 0.0 ? times.runs : 1.0));
    if (out->end_to_end_us > 0.0)
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: has no times of operators", path);
}

vc_status vc_measured_take(vc_measured *out, const json_t *root, const char *path, size_t batch)
{
    *out = (vc_measured){.path = path};
    out->classes = calloc(VC_MEASURED_CLASSES, sizeof *out->classes);
    const vc_status status =
        out->classes ? read_root(out, root, path, batch) : vc_fail(VC_ENOMEM, "out of memory");
    if (status != VC_OK)
        vc_measured_close(out);
    return status;
}

vc_status vc_measured_read(vc_measured *out, const char *path, size_t batch)
{
    json_t *root;
    *out = (vc_measured){0};
    VC_TRY(vc_json_read(&root, path));
    const vc_status status = vc_measured_take(out, root, path, batch);
    json_decref(root);
    return status;
}

void vc_measured_close(vc_measured *measured)
{
    free(measured->classes);
    *measured = (vc_measured){0};
}

/* ---- as results have it */

static const vc_field class_fields[] = {
    {VC_FIELD(vc_measured_class, work, "", "kind of work")},
    {VC_FIELD(vc_measured_class, us, "us", "of an image")},
    {VC_FIELD(vc_measured_class, share, "", "of all kinds")},
};
static const vc_record class_record = VC_RECORD("measured class", vc_measured_class, class_fields);

static const vc_field fields[] = {
    {VC_FIELD_AS(vc_measured, path, "file", "", "that has the times")},
    {VC_FIELD(vc_measured, kind, "", "what wrote it: vitcod, TensorRT or PyTorch")},
    {VC_FIELD(vc_measured, attention_us, "us",
              "QK^T, softmax and SV of an image, where the file tells them from the rest"),
     VC_KNOWN},
    {VC_FIELD(vc_measured, end_to_end_us, "us", "of an image")},
    {VC_FIELD_RECORDS(vc_measured, classes, class_count, "work", &class_record, "kinds of work")},
};
const vc_record vc_measured_record = VC_RECORD("measured", vc_measured, fields);
