/* A number to a point of the grid, and the point to its result. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_impl.h"
#include "vitcod/point.h"

static void digits_of(size_t digits[VC__SWEEP_MOST_AXES], const vc_sweep *s, uint64_t point)
{
    uint64_t at = (uint64_t)(((unsigned __int128)s->factor * point + s->offset) % s->grid);
    for (size_t k = s->axis_count; k-- > 0;) {
        const size_t count = vc__sweep_steps(&s->axes[k]);
        digits[k] = (size_t)(at % count);
        at /= count;
    }
}

typedef struct choice {
    const vc__sweep_model *model;
    const vc__sweep_plan *plan; /* NULL: the model's own */
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
static void choose(choice *c, const vc_sweep *s, const size_t digits[VC__SWEEP_MOST_AXES])
{
    size_t at[VC__AXIS_KEY] = {0};
    const vc__axis *sparsities = vc__sweep_axis(s, VC__AXIS_SPARSITY),
                   *thresholds = vc__sweep_axis(s, VC__AXIS_THRESHOLD);
    *c = (choice){.chip = s->chips[0]};
    for (size_t k = 0; k < s->axis_count; k++) {
        const vc__axis *a = &s->axes[k];
        if (a->count == 0)
            continue;
        const double value = a->kind == VC__AXIS_MODEL || a->kind == VC__AXIS_CHIP
                                 ? 0.0
                                 : vc__axis_value(a, digits[k]);
        if (a->kind == VC__AXIS_KEY)
            vc_chip_key_set(&c->chip.chip, &a->key, value);
        else
            at[a->kind] = digits[k];
        if (a->kind == VC__AXIS_CHIP)
            c->chip = s->chips[digits[k]];
        else if (a->kind == VC__AXIS_COMPRESSED) {
            c->compressed = (size_t)value;
            c->chip.chip.steps.autoencoder = value > 0.0;
        } else if (a->kind == VC__AXIS_BANDWIDTH)
            set_bandwidth(&c->chip.memory, value);
        else if (a->kind == VC__AXIS_CHANNELS)
            c->chip.memory.dram.channels = (uint64_t)value;
        else if (a->kind == VC__AXIS_NODE)
            c->chip.energy.node_factor = value;
    }
    c->model = &s->models[at[VC__AXIS_MODEL]];
    if (c->model->is_file && !vc__sweep_axis(s, VC__AXIS_COMPRESSED)->count)
        c->compressed = VC_OWN_AUTOENCODER;
    if (sparsities->count)
        c->plan = &s->plans[(at[VC__AXIS_MODEL] * sparsities->count + at[VC__AXIS_SPARSITY]) *
                                vc__sweep_steps(thresholds) +
                            at[VC__AXIS_THRESHOLD]];
}

static vc_status values_json(json_t **out, const vc_sweep *s,
                             const size_t digits[VC__SWEEP_MOST_AXES])
{
    *out = json_object();
    for (size_t k = 0; k < s->axis_count; k++)
        if (s->axes[k].count)
            vc_json_set(out, s->axes[k].key.result, vc__axis_json(&s->axes[k], digits[k]));
    return *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for the values of a point");
}

typedef struct line {
    uint64_t point;
    json_t *values;
    bool possible;
    const char *method, *summaries; /* as a row of a comparison has them */
    vc_point result;
    double area_mm2;
    const char *error; /* of a point that is impossible */
} line;

static const vc_field line_fields[] = {
    {VC_FIELD(line, point, "", "its number")},
    {VC_FIELD(line, values, "", "what it stands for, by axis")},
    {VC_FIELD(line, method, "", "kept entries alone, with a residual, with summaries, or dense"),
     VC_WHEN(line, possible)},
    {VC_FIELD(line, summaries, "", "what the chip does with them, where the plan has any"),
     VC_KNOWN},
    {VC_FIELD_INLINE(line, result, &vc_point_record), VC_WHEN(line, possible)},
    {VC_FIELD(line, area_mm2, "mm2", "of the chip"), VC_WHEN(line, possible)},
    {VC_FIELD(line, error, "", "why it is impossible"), VC_KNOWN},
};
const vc_record vc_sweep_line_record = VC_RECORD("point of a sweep", line, line_fields);

static vc_status run_choice(line *out, const choice *c, const vc_sweep *s)
{
    if (vc__sweep_axis(s, VC__AXIS_CHANNELS)->count && c->chip.memory.model == VC_MEMORY_BANDWIDTH)
        return vc_fail(VC_EINVAL, "'channels' of a memory that is a rate, wanted one of DRAM");
    if (c->plan && c->plan->status != VC_OK)
        return vc_fail(c->plan->status, "%s", c->plan->message);
    const vc_plan *given = c->plan ? &c->plan->plan : &c->model->plan,
                  *plan = given->layer_count ? given : NULL;
    VC_TRY(vc_point_run(&out->result, &c->model->config, plan, c->compressed, &c->chip,
                        !s->end_to_end));
    out->method = vc_plan_method(plan);
    out->summaries = vc_chip_summaries(&c->chip.chip, plan);
    out->area_mm2 = vc_chip_area_mm2(&c->chip.chip, &c->chip.energy);
    return VC_OK;
}

/* ---- a line */

int vc__sweep_is_impossible(vc_status status)
{
    return status == VC_EINVAL || status == VC_EUNSUPPORTED;
}

static vc_status write_line(char text[VC_SWEEP_LINE], const line *l)
{
    json_t *object;
    VC_TRY(vc_record_json(&object, &vc_sweep_line_record, l));
    char *whole = vc_json_dump(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(object);
    const size_t length = whole ? strlen(whole) : 0;
    snprintf(text, VC_SWEEP_LINE, "%s", whole ? whole : "");
    free(whole);
    if (length == 0)
        return vc_fail(VC_ENOMEM, "out of memory for the result of point %llu",
                       (unsigned long long)l->point);
    if (length >= VC_SWEEP_LINE)
        return vc_fail(VC_EIO, "point %llu: its result has %zu bytes, wanted less than %d",
                       (unsigned long long)l->point, length, VC_SWEEP_LINE);
    return VC_OK;
}

static vc_status run_point(line *l, const vc_sweep *s)
{
    size_t digits[VC__SWEEP_MOST_AXES];
    choice c;
    digits_of(digits, s, l->point);
    choose(&c, s, digits);
    VC_TRY(values_json(&l->values, s, digits));
    const vc_status status = run_choice(l, &c, s);
    l->possible = status == VC_OK;
    if (!vc__sweep_is_impossible(status))
        return status;
    l->error = vc_last_error();
    return VC_OK;
}

vc_status vc_sweep_point(char text[VC_SWEEP_LINE], const vc_sweep *s, uint64_t point)
{
    line l = {.point = point};
    vc_status status = run_point(&l, s);
    if (status == VC_OK)
        status = write_line(text, &l);
    json_decref(l.values);
    return status;
}
