#include "vitcod/timeline.h"

#include "vitcod/rtl.h"

static const vc_field bounds_fields[] = {
    {VC_FIELD_RECORD(vc_bounds, attention, "attention", &vc_bound_record,
                     "between the projections")},
    {VC_FIELD_RECORD(vc_bounds, end_to_end, "end_to_end", &vc_bound_record, "all of the model"),
     VC_WHEN(vc_bounds, of_model)},
    {VC_FIELD_RECORD(vc_bounds, config, "config", &vc_bound_config_record, "of what chip")},
};
const vc_record vc_bounds_record = VC_RECORD("bound", vc_bounds, bounds_fields);

vc_status vc_bounds_compute(vc_bounds *out, const vc_simulation *s, const vc_bound_config *config)
{
    *out = (vc_bounds){.of_model = s->of_model, .config = *config};
    VC_TRY(vc_bound_compute(&out->attention, &s->workload, config, 1));
    return out->of_model ? vc_bound_compute(&out->end_to_end, &s->workload, config, 0) : VC_OK;
}

/* ---- the timeline */

static const vc_field functional_fields[] = {
    {VC_FIELD(vc_timeline, bit_exact, "", "the chip's results are those of plain loops")},
    {VC_FIELD(vc_timeline, data, "", "whose they are, where they are not random"), VC_KNOWN},
    {VC_FIELD_AS(vc_timeline, checked.values, "values", "", "results that were compared")},
    {VC_FIELD_AS(vc_timeline, checked.layers, "layers", "", "layers that they are of")},
};
static const vc_record functional_record = VC_RECORD("functional", vc_timeline, functional_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_timeline, summaries, "", "what the chip does with them, where the plan has any"),
     VC_KNOWN},
    {VC_FIELD_RECORD(vc_timeline, attention, "attention", &vc_chip_summary_record,
                     "between the projections")},
    {.name = "functional",
     .unit = "",
     .meaning = "int8 data that was sent through",
     .kind = VC_KIND_RECORD,
     .size = sizeof(vc_timeline),
     .record = &functional_record,
     VC_WHEN(vc_timeline, functional)},
    {VC_FIELD_RECORD(vc_timeline, end_to_end, "end_to_end", &vc_chip_summary_record,
                     "all of the model"),
     VC_WHEN(vc_timeline, of_model)},
    {VC_FIELD(vc_timeline, energy_uj, "uJ", "of all that ran")},
    {VC_FIELD(vc_timeline, area_mm2, "mm2", "of the chip")},
    {VC_FIELD(vc_timeline, accelerator, "", "all of the chip")},
    {VC_FIELD_RECORD(vc_timeline, bound, "bound", &vc_bounds_record,
                     "what no schedule on the chip beats"),
     VC_WHEN(vc_timeline, bounded)},
};
const vc_record vc_timeline_record = VC_RECORD("timeline", vc_timeline, fields);

/* ---- runs */

static vc_status summarise(vc_chip_summary *out, const vc_simulation *s,
                           const vc_simulation_options *how)
{
    vc_chip_result r;
    VC_TRY(vc_simulation_run(&r, s, how));
    const vc_status status =
        vc_chip_summary_open(out, &r, &s->chip->chip, &s->chip->energy, &s->chip->memory);
    vc_chip_result_close(&r);
    return status;
}

static vc_status run_attention(vc_timeline *out, const vc_simulation *s,
                               const vc_simulation_options *how, const vc_functional *data)
{
    VC_TRY(summarise(&out->attention, s, how));
    if (!out->functional)
        return VC_OK;
    VC_TRY(vc_functional_check(&out->checked, data, &s->workload, s->plan));
    out->bit_exact = true;
    return VC_OK;
}

/* Traces are of all that runs. */
static vc_status run_all(vc_timeline *out, const vc_simulation *s, const vc_timeline_options *o)
{
    vc_functional data = {0};
    vc_rtl_vectors *vectors = NULL;
    if (o->vectors)
        VC_TRY(vc_rtl_vectors_open(&vectors));
    vc_status status = out->functional ? vc_functional_open(&data, &s->workload, o->seed) : VC_OK;
    if (status == VC_OK && out->functional && o->fill)
        status = o->fill(o->context, &data, &s->workload);
    const vc_simulation_options attention = {.attention_only = 1,
                                             .values = data.values,
                                             .vectors = vectors,
                                             .trace = out->of_model ? NULL : o->trace,
                                             .dram_trace = out->of_model ? NULL : o->dram_trace,
                                             .dram_commands =
                                                 out->of_model ? NULL : o->dram_commands},
                                all = {.trace = o->trace,
                                       .dram_trace = o->dram_trace,
                                       .dram_commands = o->dram_commands};
    if (status == VC_OK)
        status = run_attention(out, s, &attention, &data);
    vc_functional_close(&data);
    if (status == VC_OK && vectors)
        status = vc_rtl_vectors_write(vectors, o->vectors);
    vc_rtl_vectors_close(vectors);
    if (status == VC_OK && out->of_model)
        status = summarise(&out->end_to_end, s, &all);
    return status;
}

/* Those of the simulation's own chip. */
static vc_status find_bounds(vc_bounds *out, const vc_simulation *s)
{
    *out = (vc_bounds){.of_model = s->of_model, .config = vc_accelerator_bound_config(s->chip)};
    VC_TRY(vc_simulation_bound(&out->attention, s, 1));
    return out->of_model ? vc_simulation_bound(&out->end_to_end, s, 0) : VC_OK;
}

vc_status vc_timeline_run(vc_timeline *out, const vc_simulation *s, const vc_timeline_options *o)
{
    const vc_accelerator *chip = s->chip;
    *out = (vc_timeline){.of_model = s->of_model,
                         .functional = o->functional,
                         .data = o->data,
                         .summaries = s->summaries};
    if (o->gemms)
        VC_TRY(vc_simulation_write_gemms(s, o->gemms));
    if (o->rtl_parameters)
        VC_TRY(vc_rtl_parameters_write(o->rtl_parameters, chip, &s->workload, s->plan));
    VC_TRY(run_all(out, s, o));
    out->energy_uj = out->of_model ? out->end_to_end.energy_uj : out->attention.energy_uj;
    out->area_mm2 = vc_chip_area_mm2(&chip->chip, &chip->energy);
    out->accelerator = vc_accelerator_json(chip);
    if (!out->accelerator)
        return vc_fail(VC_ENOMEM, "out of memory");
    out->bounded = chip->chip.kind->bound != NULL; /* rivals do other work */
    return out->bounded ? find_bounds(&out->bound, s) : VC_OK;
}

void vc_timeline_close(vc_timeline *t)
{
    vc_chip_summary_close(&t->attention);
    vc_chip_summary_close(&t->end_to_end);
    json_decref(t->accelerator);
    *t = (vc_timeline){0};
}
