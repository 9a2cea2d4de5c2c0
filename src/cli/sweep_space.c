/* The space of a sweep: YAML to axes, a number to a point, a point to its result. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "find_masks.h"
#include "open_plan.h"
#include "sweep.h"
#include "vitcod/hash.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"
#include "vitcod/version.h"

/* ---- reading */

typedef struct head {
    char masks[VC_YAML_TEXT_ROOM];
    int end_to_end;
    uint64_t random;
} head;

static vc_status read_axes(sweep_space *s, const vc_yaml_map *map)
{
    VC_TRY(sweep_axes_read(s->axes, s->axis_count, map));
    s->grid = 1;
    for (size_t k = 0; k < s->axis_count; k++) {
        const sweep_axis *a = &s->axes[k];
        if (a->count > 1 && s->grid > UINT64_C(1) << 48)
            return vc_yaml_fail(map, a->key.name, "makes more than 2^48 points");
        s->grid *= a->count ? a->count : 1;
    }
    return VC_OK;
}

static const sweep_axis *axis_of(const sweep_space *s, sweep_axis_kind kind)
{
    size_t k = 0;
    while (s->axes[k].kind != kind)
        k++;
    return &s->axes[k];
}

static size_t least_one(size_t count)
{
    return count ? count : 1;
}

/* Folders are those of the file that names them. */
static int place(char out[4096], const char *named, const char *path)
{
    const char *slash = strrchr(path, '/');
    const int folder = named[0] == '/' || !slash ? 0 : (int)(slash - path + 1);
    return (size_t)snprintf(out, 4096, "%.*s%s", folder, path, named) < 4096;
}

/* timm's name, or a model's file. */
static vc_status open_model(sweep_model *m, const char *name, const char *path)
{
    char file[4096];
    if (vc_model_preset(&m->config, name) == VC_OK)
        return VC_OK;
    m->is_file = place(file, name, path) && access(file, F_OK) == 0;
    return m->is_file ? cli_find_model(&m->config, &m->plan, file)
                      : vc_model_preset(&m->config, name);
}

static vc_status open_models(sweep_space *s, const vc_yaml_map *axes, const char *path)
{
    const sweep_axis *a = axis_of(s, SWEEP_MODEL);
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

static vc_status open_chips(sweep_space *s)
{
    const sweep_axis *a = axis_of(s, SWEEP_CHIP);
    s->chips = calloc(least_one(a->count), sizeof *s->chips);
    if (!s->chips)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < least_one(a->count); i++)
        VC_TRY(vc_accelerator_open(&s->chips[i], a->count ? a->texts.values[i] : "vitcod"));
    return VC_OK;
}

/* A mask that is not there makes its points impossible, and no others. */
static vc_status open_plans(sweep_space *s, const vc_yaml_map *axes)
{
    const sweep_axis *models = axis_of(s, SWEEP_MODEL), *sparsities = axis_of(s, SWEEP_SPARSITY),
                     *thresholds = axis_of(s, SWEEP_THRESHOLD);
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
    const size_t columns = least_one(thresholds->count);
    s->plans = calloc(models->count * least_one(sparsities->count) * columns, sizeof *s->plans);
    if (!s->plans)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; sparsities->count && i < models->count * sparsities->count * columns; i++) {
        const size_t m = i / columns / sparsities->count, p = i / columns % sparsities->count;
        const double threshold =
            thresholds->count ? thresholds->numbers.values[i % columns] : VC_POLARIZE_THRESHOLD;
        sweep_plan *plan = &s->plans[i];
        plan->status =
            cli_find_plan(&plan->plan, &s->models[m].config, s->masks, models->texts.values[m],
                          sparsities->numbers.values[p], (size_t)threshold);
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
static void choose_points(sweep_space *s, uint64_t random, uint64_t seed)
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

/* What a file adds to its name: the sizes that the simulator sees, and the plan. */
static uint64_t hash_model(uint64_t h, const sweep_model *m)
{
    const uint64_t plan = vc_plan_hash(&m->plan);
    vc_workload workload = {0};
    if (vc_model_lower(&workload, &m->config, NULL) == VC_OK) {
        json_t *all = vc_workload_json(&workload);
        char *text = json_dumps(all, JSON_SORT_KEYS);
        h = vc_hash(h, text, text ? strlen(text) : 0);
        free(text);
        json_decref(all);
    }
    vc_workload_close(&workload);
    return vc_hash(h, &plan, sizeof plan);
}

static void hash_space(sweep_space *s)
{
    uint64_t h = VC_HASH_START;
    h = sweep_axes_hash(h, s->axes, s->axis_count);
    for (size_t i = 0; i < least_one(axis_of(s, SWEEP_CHIP)->count); i++) {
        json_t *chip = vc_accelerator_json(&s->chips[i]);
        char *text = json_dumps(chip, JSON_SORT_KEYS);
        h = vc_hash(h, text, text ? strlen(text) : 0);
        free(text);
        json_decref(chip);
    }
    const size_t plans = axis_of(s, SWEEP_MODEL)->count *
                         least_one(axis_of(s, SWEEP_SPARSITY)->count) *
                         least_one(axis_of(s, SWEEP_THRESHOLD)->count);
    for (size_t i = 0; i < plans; i++) {
        const uint64_t one = vc_plan_hash(&s->plans[i].plan);
        h = vc_hash(h, &one, sizeof one);
    }
    for (size_t m = 0; m < axis_of(s, SWEEP_MODEL)->count; m++)
        if (s->models[m].is_file)
            h = hash_model(h, &s->models[m]);
    h = vc_hash(h, &s->end_to_end, sizeof s->end_to_end);
    const uint64_t order[] = {s->points, s->factor, s->offset};
    h = vc_hash(h, order, sizeof order);
    s->hash = vc_hash(h, VC_VERSION, sizeof VC_VERSION);
}

static vc_status read_space(sweep_space *s, const vc_yaml_map *root, const char *path,
                            uint64_t seed)
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
    if (h.masks[0] && !place(s->masks, h.masks, path))
        return vc_yaml_fail(root, "masks", "is too long a path");
    s->end_to_end = h.end_to_end;
    VC_TRY(read_axes(s, &axes));
    if (axis_of(s, SWEEP_BANDWIDTH)->count && axis_of(s, SWEEP_CHANNELS)->count)
        return vc_yaml_fail(&axes, "bandwidth", "and 'channels' exclude each other");
    VC_TRY(open_models(s, &axes, path));
    VC_TRY(open_chips(s));
    VC_TRY(open_plans(s, &axes));
    choose_points(s, h.random, seed);
    hash_space(s);
    return VC_OK;
}

vc_status sweep_space_open(sweep_space *out, const char *path, uint64_t seed)
{
    vc_yaml *yaml;
    *out = (sweep_space){0};
    VC_TRY(sweep_axes_open(&out->axes, &out->axis_count));
    vc_status status = vc_yaml_open(&yaml, path);
    if (status == VC_OK) {
        const vc_yaml_map root = vc_yaml_root(yaml);
        status = read_space(out, &root, path, seed);
        vc_yaml_close(yaml);
    }
    if (status != VC_OK)
        sweep_space_close(out);
    return status;
}

void sweep_space_close(sweep_space *s)
{
    if (s->plans) {
        const size_t plans = axis_of(s, SWEEP_MODEL)->count *
                             least_one(axis_of(s, SWEEP_SPARSITY)->count) *
                             least_one(axis_of(s, SWEEP_THRESHOLD)->count);
        for (size_t i = 0; i < plans; i++)
            vc_plan_close(&s->plans[i].plan);
    }
    for (size_t m = 0; s->models && m < axis_of(s, SWEEP_MODEL)->count; m++)
        vc_plan_close(&s->models[m].plan);
    free(s->plans);
    free(s->models);
    free(s->chips);
    free(s->axes);
    *s = (sweep_space){0};
}

/* ---- points */

static void digits_of(size_t digits[SWEEP_MOST_AXES], const sweep_space *s, uint64_t point)
{
    uint64_t at = (uint64_t)(((unsigned __int128)s->factor * point + s->offset) % s->grid);
    for (size_t k = s->axis_count; k-- > 0;) {
        const size_t count = least_one(s->axes[k].count);
        digits[k] = (size_t)(at % count);
        at /= count;
    }
}

typedef struct choice {
    const sweep_model *model;
    const sweep_plan *plan; /* NULL: the model's own */
    size_t compressed;
    vc_accelerator chip;
} choice;

static void set_bandwidth(vc_memory_config *m, double bytes_per_second)
{
    const vc_memory_config simple = vc_memory_config_default();
    if (m->model != VC_MEMORY_BANDWIDTH)
        m->pj_per_bit = simple.pj_per_bit;
    m->model = VC_MEMORY_BANDWIDTH;
    m->bytes_per_second = bytes_per_second;
}

/* Axes in their order: the chip comes before what changes it. */
static void choose(choice *c, const sweep_space *s, const size_t digits[SWEEP_MOST_AXES])
{
    size_t at[SWEEP_KEY] = {0};
    const sweep_axis *sparsities = axis_of(s, SWEEP_SPARSITY),
                     *thresholds = axis_of(s, SWEEP_THRESHOLD);
    *c = (choice){.chip = s->chips[0]};
    for (size_t k = 0; k < s->axis_count; k++) {
        const sweep_axis *a = &s->axes[k];
        if (a->count == 0)
            continue;
        const double value =
            a->kind == SWEEP_MODEL || a->kind == SWEEP_CHIP ? 0.0 : sweep_axis_value(a, digits[k]);
        if (a->kind == SWEEP_KEY)
            vc_chip_key_set(&c->chip.chip, &a->key, value);
        else
            at[a->kind] = digits[k];
        if (a->kind == SWEEP_CHIP)
            c->chip = s->chips[digits[k]];
        else if (a->kind == SWEEP_COMPRESSED) {
            c->compressed = (size_t)value;
            c->chip.chip.steps.autoencoder = value > 0.0;
        } else if (a->kind == SWEEP_BANDWIDTH)
            set_bandwidth(&c->chip.memory, value);
        else if (a->kind == SWEEP_CHANNELS)
            c->chip.memory.dram.channels = (uint64_t)value;
    }
    c->model = &s->models[at[SWEEP_MODEL]];
    if (c->model->is_file && !axis_of(s, SWEEP_COMPRESSED)->count)
        c->compressed = CLI_OWN_AUTOENCODER;
    if (sparsities->count)
        c->plan = &s->plans[(at[SWEEP_MODEL] * sparsities->count + at[SWEEP_SPARSITY]) *
                                least_one(thresholds->count) +
                            at[SWEEP_THRESHOLD]];
}

static json_t *values_json(const sweep_space *s, const size_t digits[SWEEP_MOST_AXES])
{
    json_t *values = json_object();
    for (size_t k = 0; k < s->axis_count; k++)
        if (s->axes[k].count)
            json_object_set_new(values, s->axes[k].key.result,
                                sweep_axis_json(&s->axes[k], digits[k]));
    return values;
}

static vc_status run_choice(json_t *result, const choice *c, const sweep_space *s)
{
    cli_point point;
    if (axis_of(s, SWEEP_CHANNELS)->count && c->chip.memory.model == VC_MEMORY_BANDWIDTH)
        return vc_fail(VC_EINVAL, "'channels' of a memory that is a rate, wanted one of DRAM");
    if (c->plan && c->plan->status != VC_OK)
        return vc_fail(c->plan->status, "%s", c->plan->message);
    const vc_plan *plan = c->plan ? &c->plan->plan : &c->model->plan;
    VC_TRY(cli_run_point(&point, &c->model->config, plan->layer_count ? plan : NULL, c->compressed,
                         &c->chip, !s->end_to_end));
    json_object_update_new(result, cli_point_json(&point));
    json_object_set_new(result, "area_mm2",
                        json_real(vc_chip_area_mm2(&c->chip.chip, &c->chip.energy)));
    return VC_OK;
}

void sweep_space_run(char line[SWEEP_LINE], const sweep_space *s, uint64_t point)
{
    size_t digits[SWEEP_MOST_AXES];
    choice c;
    digits_of(digits, s, point);
    choose(&c, s, digits);
    json_t *result = json_object();
    json_object_set_new(result, "point", json_integer((json_int_t)point));
    json_object_set_new(result, "values", values_json(s, digits));
    if (run_choice(result, &c, s) != VC_OK)
        json_object_set_new(result, "error", cli_text(vc_last_error()));
    const size_t length =
        json_dumpb(result, line, SWEEP_LINE - 1, JSON_COMPACT | JSON_REAL_PRECISION(12));
    line[length < SWEEP_LINE ? length : 0] = '\0';
    if (!line[0] || length >= SWEEP_LINE)
        snprintf(line, SWEEP_LINE, "{\"point\":%llu,\"error\":\"no room for the result\"}",
                 (unsigned long long)point);
    json_decref(result);
}
