/* Events of PyTorch's profiler. An operator calls others: each has its own time, and the class of
 * the outermost that has one. Where there are kernels of a device, their times count. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measured_impl.h"

enum { NO_CLASS = -1, MOST_EXPANSION = 8 /* of an MLP: 4 in DeiT, 2 in LeViT */ };

typedef struct event {
    double start, end, own;
    long thread;
    json_int_t id; /* that kernels name; 0: none */
    int class;
} event;

typedef struct events {
    event *all;
    size_t count;
} events;

/* ---- classes */

static const struct {
    const char *name;
    int class;
} names[] = {
    {"softmax", VC_WORK_SOFTMAX},       {"scaled_dot_product", VC_WORK_ATTENTION},
    {"layer_norm", VC_WORK_NORM},       {"batch_norm", VC_WORK_NORM},
    {"conv", VC_WORK_PATCH_EMBED},      {"gelu", VC_MEASURED_ELEMENTWISE},
    {"silu", VC_MEASURED_ELEMENTWISE},  {"hardswish", VC_MEASURED_ELEMENTWISE},
    {"::add", VC_MEASURED_ELEMENTWISE}, {"::mul", VC_MEASURED_ELEMENTWISE},
    {"::div", VC_MEASURED_ELEMENTWISE}, {"reshape", VC_WORK_RESHAPE},
    {"permute", VC_WORK_RESHAPE},       {"transpose", VC_WORK_RESHAPE},
    {"contiguous", VC_WORK_RESHAPE},    {"clone", VC_WORK_RESHAPE},
    {"copy", VC_WORK_RESHAPE},          {"unbind", VC_WORK_RESHAPE},
    {"split", VC_WORK_RESHAPE},         {"chunk", VC_WORK_RESHAPE},
    {"select", VC_WORK_RESHAPE},        {"flatten", VC_WORK_RESHAPE},
    {"view", VC_WORK_RESHAPE},          {"expand", VC_WORK_RESHAPE},
    {"::cat", VC_WORK_RESHAPE},         {"::to", VC_WORK_RESHAPE},
};

/* A size of an operand, from its last on; 0: there is none. */
static long size_of(const json_t *dims, size_t operand, size_t from_last)
{
    const json_t *d = json_array_get(dims, operand);
    const size_t rank = json_array_size(d);
    return rank > from_last ? (long)json_integer_value(json_array_get(d, rank - 1 - from_last)) : 0;
}

/* A product of tokens and a weight, by how wide tokens are before and behind it. */
static int class_of_linear(long inputs, long outputs)
{
    if (inputs <= 0 || outputs <= 0)
        return VC_MEASURED_OTHER;
    if (outputs == 3 * inputs)
        return VC_WORK_QKV;
    if (outputs == inputs)
        return VC_WORK_PROJECTION;
    const long wide = outputs > inputs ? outputs : inputs,
               narrow = outputs > inputs ? inputs : outputs;
    return wide % narrow == 0 && wide / narrow <= MOST_EXPANSION ? VC_WORK_MLP : VC_WORK_HEAD;
}

/* Q (.., T, D) times K^T (.., D, T), or scores (.., T, T) times V (.., T, D). */
static int class_of_attention(const json_t *dims)
{
    const long rows = size_of(dims, 0, 1), inner = size_of(dims, 0, 0),
               columns = size_of(dims, 1, 0);
    return rows == 0         ? VC_MEASURED_OTHER
           : rows == columns ? VC_WORK_QK
           : rows == inner   ? VC_WORK_SV
                             : VC_MEASURED_OTHER;
}

static int class_of(const char *name, const json_t *dims)
{
    if (strcmp(name, "aten::linear") == 0)
        return class_of_linear(size_of(dims, 0, 0), size_of(dims, 1, 1));
    if (strcmp(name, "aten::addmm") == 0)
        return class_of_linear(size_of(dims, 1, 0), size_of(dims, 2, 0));
    if (strcmp(name, "aten::mm") == 0)
        return class_of_linear(size_of(dims, 0, 0), size_of(dims, 1, 0));
    if (strcmp(name, "aten::matmul") == 0 || strcmp(name, "aten::bmm") == 0 ||
        strcmp(name, "aten::baddbmm") == 0)
        return class_of_attention(dims);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(name, names[i].name))
            return names[i].class;
    return NO_CLASS;
}

/* ---- events */

static int by_thread_and_start(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->thread != y->thread)
        return x->thread < y->thread ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->end > y->end ? -1 : x->end < y->end; /* the longer one calls the other */
}

static int by_id(const void *a, const void *b)
{
    const event *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Takes the time of an event from those that it lies in: where it ends behind the one that calls
 * it, what is left from the next one further out. */
static void take_from(event *all, const size_t *stack, size_t depth, const event *now)
{
    double from = now->start;
    while (depth-- > 0 && from < now->end) {
        event *outer = &all[stack[depth]];
        const double to = outer->end < now->end ? outer->end : now->end;
        if (to <= from)
            continue;
        outer->own -= to - from;
        from = to;
    }
}

/* Gives each its own time, and its class from outside in. `stack` has room for all. */
static void nest(events *e, size_t *stack)
{
    size_t depth = 0;
    for (size_t i = 0; i < e->count; i++) {
        event *now = &e->all[i];
        while (depth > 0 && (e->all[stack[depth - 1]].thread != now->thread ||
                             e->all[stack[depth - 1]].end <= now->start))
            depth--;
        const event *outer = depth ? &e->all[stack[depth - 1]] : NULL;
        take_from(e->all, stack, depth, now);
        if (outer)
            now->class = outer->class != NO_CLASS ? outer->class : now->class;
        stack[depth++] = i;
    }
}

static vc_status take_operator(events *out, const json_t *one, const char *path)
{
    const json_t *args = json_object_get(one, "args"), *tid = json_object_get(one, "tid");
    double start = 0.0, length = 0.0;
    VC_TRY(vc__time_of(&start, one, "ts", vc__text_of(one, "name"), path));
    VC_TRY(vc__time_of(&length, one, "dur", vc__text_of(one, "name"), path));
    out->all[out->count++] =
        (event){.start = start,
                .end = start + length,
                .own = start + length - start, /* as others are taken from it */
                .thread = (long)json_integer_value(tid),
                .id = json_integer_value(json_object_get(args, "External id")),
                .class = class_of(vc__text_of(one, "name"), json_object_get(args, "Input Dims"))};
    return VC_OK;
}

static vc_status take_operators(events *out, double *runs, const json_t *list, const char *path)
{
    size_t i, steps = 0;
    json_t *one;
    out->all = malloc((json_array_size(list) + 1) * sizeof *out->all);
    size_t *stack = malloc((json_array_size(list) + 1) * sizeof *stack);
    if (!out->all || !stack) {
        free(stack);
        return vc_fail(VC_ENOMEM, "out of memory for the events of a trace");
    }
    vc_status status = VC_OK;
    json_array_foreach (list, i, one) {
        const char *category = vc__text_of(one, "cat");
        steps += strcmp(category, "user_annotation") == 0 &&
                 strncmp(vc__text_of(one, "name"), "ProfilerStep#", strlen("ProfilerStep#")) == 0;
        if (status == VC_OK && strcmp(vc__text_of(one, "ph"), "X") == 0 &&
            strcmp(category, "cpu_op") == 0)
            status = take_operator(out, one, path);
    }
    *runs = steps ? (double)steps : 1.0;
    qsort(out->all, out->count, sizeof *out->all, by_thread_and_start);
    nest(out, stack);
    free(stack);
    return status;
}

/* Of kernels, by the operators that started them. `count` becomes how many there are. */
static vc_status add_kernels(vc__class_times *out, size_t *count, events *operators,
                             const json_t *list, const char *path)
{
    size_t i;
    json_t *one;
    qsort(operators->all, operators->count, sizeof *operators->all, by_id);
    json_array_foreach (list, i, one) {
        if (strcmp(vc__text_of(one, "cat"), "kernel") != 0)
            continue;
        const event key = {
            .id = json_integer_value(json_object_get(json_object_get(one, "args"), "External id"))};
        const event *by = bsearch(&key, operators->all, operators->count, sizeof key, by_id);
        const int known = key.id != 0 && by && by->class != NO_CLASS;
        double length = 0.0;
        VC_TRY(vc__time_of(&length, one, "dur", vc__text_of(one, "name"), path));
        out->us[known ? by->class : VC_MEASURED_OTHER] += length;
        ++*count;
    }
    return VC_OK;
}

vc_status vc__times_of_pytorch(vc__class_times *out, const json_t *list, const char *path)
{
    events operators = {NULL, 0};
    size_t kernels = 0;
    vc_status status = take_operators(&operators, &out->runs, list, path);
    if (status == VC_OK && operators.count == 0)
        status = vc_fail(VC_EFORMAT, "%s: has no event of the category 'cpu_op'", path);
    if (status == VC_OK)
        status = add_kernels(out, &kernels, &operators, list, path);
    if (status == VC_OK && kernels == 0)
        for (size_t i = 0; i < operators.count; i++) {
            const event *e = &operators.all[i];
            out->us[e->class == NO_CLASS ? VC_MEASURED_OTHER : e->class] += fmax(e->own, 0.0);
        }
    free(operators.all);
    return status;
}
