/* The space of a sweep: its YAML file, and the models, chips and plans that it names. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sweep_impl.h"
#include "vitcod/hash.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"
#include "vitcod/subject.h"
#include "vitcod/version.h"

/* ---- reading */

typedef struct head {
    char masks[VC_YAML_TEXT_ROOM];
    int end_to_end;
    uint64_t random;
} head;

static vc_status read_axes(vc_sweep *s, const vc_yaml_map *map)
{
    VC_TRY(vc__axes_read(s->axes, s->axis_count, map));
    s->grid = 1;
    for (size_t k = 0; k < s->axis_count; k++) {
        const vc__axis *a = &s->axes[k];
        if (a->count > 1 && s->grid > UINT64_C(1) << 48)
            return vc_yaml_fail(map, a->key.name, "makes more than 2^48 points");
        s->grid *= a->count ? a->count : 1;
    }
    return VC_OK;
}

const vc__axis *vc__sweep_axis(const vc_sweep *s, vc__axis_kind kind)
{
    size_t k = 0;
    while (s->axes[k].kind != kind)
        k++;
    return &s->axes[k];
}

size_t vc__sweep_steps(const vc__axis *axis)
{
    return axis->count ? axis->count : 1;
}

static size_t steps_of(const vc_sweep *s, vc__axis_kind kind)
{
    return vc__sweep_steps(vc__sweep_axis(s, kind));
}

/* Of plans, though those of a model without masks are none. */
static size_t plan_count(const vc_sweep *s)
{
    return vc__sweep_axis(s, VC__AXIS_MODEL)->count * steps_of(s, VC__AXIS_SPARSITY) *
           steps_of(s, VC__AXIS_THRESHOLD);
}

/* Folders are those of the file that names them. */
static int path_beside(char out[4096], const char *named, const char *path)
{
    const char *slash = strrchr(path, '/');
    const int folder = named[0] == '/' || !slash ? 0 : (int)(slash - path + 1);
    return (size_t)snprintf(out, 4096, "%.*s%s", folder, path, named) < 4096;
}

/* timm's name, or a model's file. */
static vc_status open_model(vc__sweep_model *m, const char *name, const char *path)
{
    char file[4096];
    const int fits = path_beside(file, name, path);
    return vc_subject_model(&m->config, &m->plan, &m->is_file, name, fits ? file : NULL);
}

static vc_status open_models(vc_sweep *s, const vc_yaml_map *axes, const char *path)
{
    const vc__axis *a = vc__sweep_axis(s, VC__AXIS_MODEL);
    if (a->count == 0)
        return vc_yaml_fail(axes, "model", "is missing, wanted timm's names or files");
    s->models = calloc(a->count, sizeof *s->models);
    if (!s->models)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < a->count; i++)
        if (open_model(&s->models[i], a->texts.values[i], path) != VC_OK) {
            char reason[512];
            snprintf(reason, sizeof reason, "%s", vc_last_error());
            return vc_yaml_fail(axes, "model", "has '%s': %s", a->texts.values[i], reason);
        }
    return VC_OK;
}

static vc_status open_chips(vc_sweep *s)
{
    const vc__axis *a = vc__sweep_axis(s, VC__AXIS_CHIP);
    s->chips = calloc(vc__sweep_steps(a), sizeof *s->chips);
    if (!s->chips)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < vc__sweep_steps(a); i++)
        VC_TRY(vc_accelerator_open(&s->chips[i], a->count ? a->texts.values[i] : "vitcod"));
    return VC_OK;
}

/* A mask that is not there makes its points impossible, and no others. */
static vc_status open_plans(vc_sweep *s, const vc_yaml_map *axes)
{
    const vc__axis *models = vc__sweep_axis(s, VC__AXIS_MODEL),
                   *sparsities = vc__sweep_axis(s, VC__AXIS_SPARSITY),
                   *thresholds = vc__sweep_axis(s, VC__AXIS_THRESHOLD);
    if (sparsities->count && !s->masks[0])
        return vc_yaml_fail(axes, "sparsity",
                            "is there, and no 'masks' beside 'axes': wanted a folder");
    if (thresholds->count && !sparsities->count)
        return vc_yaml_fail(axes, "threshold", "is there without 'sparsity'");
    for (size_t m = 0; sparsities->count && m < models->count; m++)
        if (s->models[m].is_file)
            return vc_yaml_fail(axes, "sparsity",
                                "is there, and the model '%s' brings its own plan",
                                models->texts.values[m]);
    const size_t columns = vc__sweep_steps(thresholds);
    s->plans = calloc(plan_count(s), sizeof *s->plans);
    if (!s->plans)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; sparsities->count && i < plan_count(s); i++) {
        const size_t m = i / columns / sparsities->count, p = i / columns % sparsities->count;
        const double threshold =
            thresholds->count ? thresholds->numbers.values[i % columns] : VC_POLARIZE_THRESHOLD;
        vc__sweep_plan *plan = &s->plans[i];
        plan->status =
            vc_subject_plan(&plan->plan, &s->models[m].config, s->masks, models->texts.values[m],
                            sparsities->numbers.values[p], (size_t)threshold);
        if (plan->status != VC_OK && !vc__sweep_is_impossible(plan->status))
            return plan->status;
        if (plan->status != VC_OK)
            snprintf(plan->message, sizeof plan->message, "%s", vc_last_error());
    }
    return VC_OK;
}

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A random order without repeats that needs no memory. */
static void choose_points(vc_sweep *s, uint64_t random, uint64_t seed)
{
    s->factor = 1;
    s->points = s->grid;
    if (random == 0)
        return;
    s->points = random < s->grid ? random : s->grid;
    vc_rng rng = vc_rng_open(seed, 11, 0);
    do
        s->factor = 1 + vc_rng_below(&rng, s->grid);
    while (greatest_divisor(s->factor, s->grid) != 1);
    s->offset = vc_rng_below(&rng, s->grid);
}

/* Takes over `value`. */
static vc_status hash_json(uint64_t *h, json_t *value)
{
    char *text = value ? vc_json_dump(value, JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    if (text)
        *h = vc_hash(*h, text, strlen(text));
    const vc_status status = text ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a sweep's hash");
    free(text);
    json_decref(value);
    return status;
}

/* What a file adds to its name: the sizes that the simulator sees, and the plan. */
static vc_status hash_model(uint64_t *h, const vc__sweep_model *m)
{
    const uint64_t plan = vc_plan_hash(&m->plan);
    vc_workload workload = {0};
    vc_status status = vc_model_lower(&workload, &m->config, NULL);
    if (status == VC_OK)
        status = hash_json(h, vc_workload_json(&workload));
    vc_workload_close(&workload);
    *h = vc_hash(*h, &plan, sizeof plan);
    return status;
}

static vc_status hash_space(vc_sweep *s)
{
    uint64_t h = vc__axes_hash(VC_HASH_START, s->axes, s->axis_count);
    for (size_t i = 0; i < steps_of(s, VC__AXIS_CHIP); i++)
        VC_TRY(hash_json(&h, vc_accelerator_json(&s->chips[i])));
    for (size_t i = 0; i < plan_count(s); i++) {
        const uint64_t one = vc_plan_hash(&s->plans[i].plan);
        h = vc_hash(h, &one, sizeof one);
    }
    for (size_t m = 0; m < vc__sweep_axis(s, VC__AXIS_MODEL)->count; m++)
        if (s->models[m].is_file)
            VC_TRY(hash_model(&h, &s->models[m]));
    h = vc_hash(h, &s->end_to_end, sizeof s->end_to_end);
    const uint64_t order[] = {s->points, s->factor, s->offset};
    h = vc_hash(h, order, sizeof order);
    s->hash = vc_hash(h, VC_VERSION, sizeof VC_VERSION);
    return VC_OK;
}

static vc_status read_space(vc_sweep *s, const vc_yaml_map *root)
{
    static const vc_yaml_field fields[] = {
        {.key = "axes", .kind = VC_YAML_MAP},
        {.key = "masks",
         .kind = VC_YAML_TEXT,
         .offset = offsetof(head, masks),
         .room = VC_YAML_TEXT_ROOM,
         .optional = 1},
        {.key = "end_to_end",
         .kind = VC_YAML_FLAG,
         .offset = offsetof(head, end_to_end),
         .optional = 1},
        {.key = "random",
         .kind = VC_YAML_COUNT,
         .offset = offsetof(head, random),
         .least = 1,
         .most = 1e15,
         .optional = 1},
    };
    head h = {0};
    VC_TRY(vc_yaml_read(&h, root, fields, sizeof fields / sizeof *fields));
    const vc_yaml_map axes = vc_yaml_sub(root, "axes");
    if (h.masks[0] && !path_beside(s->masks, h.masks, s->path))
        return vc_yaml_fail(root, "masks", "is too long a path");
    if (h.masks[0] && access(s->masks, F_OK) != 0)
        return vc_yaml_fail(root, "masks", "is '%s': %s, wanted a folder", h.masks,
                            strerror(errno));
    s->end_to_end = h.end_to_end;
    VC_TRY(read_axes(s, &axes));
    if (vc__sweep_axis(s, VC__AXIS_BANDWIDTH)->count && vc__sweep_axis(s, VC__AXIS_CHANNELS)->count)
        return vc_yaml_fail(&axes, "bandwidth", "and 'channels' exclude each other");
    VC_TRY(open_models(s, &axes, s->path));
    VC_TRY(open_chips(s));
    VC_TRY(open_plans(s, &axes));
    choose_points(s, h.random, s->seed);
    return hash_space(s);
}

static vc_status open_space(vc_sweep *s, const char *path, uint64_t seed)
{
    vc_yaml *yaml;
    s->seed = seed;
    if ((size_t)snprintf(s->path, sizeof s->path, "%s", path) >= sizeof s->path)
        return vc_fail(VC_EINVAL, "%s: the path is too long", path);
    VC_TRY(vc__axes_open(&s->axes, &s->axis_count));
    VC_TRY(vc_yaml_open(&yaml, path, VC_FILE_SPACE));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = read_space(s, &root);
    vc_yaml_close(yaml);
    return status;
}

vc_status vc_sweep_open(vc_sweep **out, const char *path, uint64_t seed)
{
    vc_sweep *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return vc_fail(VC_ENOMEM, "out of memory");
    const vc_status status = open_space(s, path, seed);
    if (status == VC_OK)
        *out = s;
    else
        vc_sweep_close(s);
    return status;
}

void vc_sweep_close(vc_sweep *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->plans && i < plan_count(s); i++)
        vc_plan_close(&s->plans[i].plan);
    for (size_t m = 0; s->models && m < vc__sweep_axis(s, VC__AXIS_MODEL)->count; m++)
        vc_plan_close(&s->models[m].plan);
    free(s->plans);
    free(s->models);
    free(s->chips);
    free(s->axes);
    free(s);
}

uint64_t vc_sweep_points(const vc_sweep *s)
{
    return s->points;
}

/* NULL: out of memory, here and in the header. */
static json_t *axis_values(const vc__axis *a)
{
    json_t *values = json_array();
    for (size_t i = 0; i < a->count; i++)
        vc_json_append(&values, vc__axis_is_text(a) ? json_string(a->texts.values[i])
                                                    : json_real(a->numbers.values[i]));
    return values;
}

static json_t *axes_json(const vc_sweep *s)
{
    json_t *axes = json_object();
    for (size_t k = 0; k < s->axis_count; k++) {
        const vc__axis *a = &s->axes[k];
        if (a->count)
            vc_json_set(&axes, a->key.name, axis_values(a));
    }
    return axes;
}

json_t *vc__sweep_header(const vc_sweep *s, const char *command)
{
    char hash[32];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)s->hash);
    json_t *header =
        json_pack("{s:s, s:s, s:o, s:I, s:I, s:b, s:I}", "sweep_hash", hash, "version", VC_VERSION,
                  "space", vc_json_text(s->path), "points", (json_int_t)s->points, "grid_points",
                  (json_int_t)s->grid, "end_to_end", s->end_to_end, "seed", (json_int_t)s->seed);
    json_t *chips = json_array();
    for (size_t i = 0; i < steps_of(s, VC__AXIS_CHIP); i++)
        vc_json_append(&chips, vc_accelerator_json(&s->chips[i]));
    vc_json_set(&header, "axes", axes_json(s));
    vc_json_set(&header, "accelerators", chips);
    /* the last one, as another command may go on with the file (sweep_file.c) */
    if (command)
        vc_json_set(&header, "command", vc_json_text(command));
    return header;
}
