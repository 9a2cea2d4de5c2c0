#include "vitcod/simulation.h"

#include <stdio.h>

#include "vitcod/chip_trace.h"
#include "vitcod/dram_trace.h"

/* ---- what runs */

static vc_status take_plan(vc_simulation *s, const vc_plan *plan, const vc_accelerator *chip)
{
    *s = (vc_simulation){.chip = chip, .summaries = vc_chip_summaries(&chip->chip, plan)};
    VC_TRY(vc_chip_config_check(&chip->chip));
    return plan ? vc_chip_plan(&s->plan, &s->room, &chip->chip, plan) : VC_OK;
}

static vc_status close_on_error(vc_simulation *s, vc_status status)
{
    if (status != VC_OK)
        vc_simulation_close(s);
    return status;
}

vc_status vc_simulation_of_model(vc_simulation *out, const vc_model_config *model,
                                 const vc_plan *plan, const vc_accelerator *chip, const char *path)
{
    vc_status status = take_plan(out, plan, chip);
    out->of_model = 1;
    if (status == VC_OK && out->plan)
        status = vc_model_check_plan(model, out->plan, path);
    if (status == VC_OK)
        status = vc_model_lower(&out->workload, model, out->plan);
    if (status == VC_OK)
        status = vc_workload_batch(&out->workload, vc_chip_images(&chip->chip));
    return close_on_error(out, status);
}

vc_status vc_simulation_of_plan(vc_simulation *out, const vc_plan *plan, size_t head_dim,
                                const size_t compressed[2], const vc_accelerator *chip,
                                const char *path)
{
    vc_status status = take_plan(out, plan, chip);
    if (status == VC_OK)
        status = vc_workload_add_plan(&out->workload, plan, out->plan, head_dim, compressed, path);
    if (status == VC_OK)
        status = vc_workload_batch(&out->workload, vc_chip_images(&chip->chip));
    return close_on_error(out, status);
}

void vc_simulation_close(vc_simulation *s)
{
    vc_workload_close(&s->workload);
    vc_plan_close(&s->room);
    *s = (vc_simulation){0};
}

vc_status vc_simulation_keep_layers(vc_simulation *s, const char *text)
{
    int first, last, end = 0, highest = -1;
    for (size_t i = 0; i < s->workload.count; i++)
        highest = s->workload.ops[i].layer > highest ? s->workload.ops[i].layer : highest;
    if (sscanf(text, "%4d-%4d%n", &first, &last, &end) < 2 || text[end] != '\0') {
        end = 0;
        if (sscanf(text, "%4d%n", &first, &end) < 1 || text[end] != '\0')
            return vc_fail(VC_EINVAL, "--layers is '%s', wanted N or A-B, from 0", text);
        last = first;
    }
    if (first < 0 || first > last || last > highest)
        return vc_fail(VC_EINVAL, "--layers is '%s', wanted layers of 0 to %d", text, highest);
    vc_workload_keep_layers(&s->workload, first, last);
    return VC_OK;
}

vc_status vc_simulation_check(const vc_simulation *s)
{
    const vc_chip_config *chip = &s->chip->chip;
    for (size_t i = 0; i < s->workload.count && !chip->steps.autoencoder; i++) {
        const vc_op *op = &s->workload.ops[i];
        if (op->kind == VC_OP_DECODE)
            return vc_fail(
                VC_EINVAL,
                "the accelerator '%s' has 'autoencoder: false', and '%s' is compressed to %zu "
                "heads: wanted a model without",
                chip->name, vc_model_coded_word(op->sizes.compressed),
                vc_model_coded_width(op->sizes.compressed));
    }
    return VC_OK;
}

/* ---- a run, with the traces that are asked for */

/* Commands are told to two who look. */
typedef struct watchers {
    vc_dram_watch *watch[2];
    void *context[2];
} watchers;

static void tell_both(void *context, const vc_dram_command *command)
{
    const watchers *w = context;
    for (int i = 0; i < 2; i++)
        w->watch[i](w->context[i], command);
}

static vc_status run_with_timeline(vc_chip_result *out, const vc_simulation *s,
                                   vc_chip_options *how, const char *path)
{
    const int dram = how->memory->model == VC_MEMORY_DRAM;
    if (!path)
        return vc_chip_simulate(out, &s->workload, s->plan, how);
    vc_chip_trace *trace;
    VC_TRY(
        vc_chip_trace_open(&trace, path, how->config->clock_hz, dram ? &how->memory->dram : NULL));
    watchers both = {{vc_chip_trace_command, how->command_watch}, {trace, how->command_watcher}};
    how->watch = vc_chip_trace_span;
    how->watcher = trace;
    if (dram) {
        how->command_watcher = how->command_watch ? (void *)&both : trace;
        how->command_watch = how->command_watch ? tell_both : vc_chip_trace_command;
    }
    vc_status status = vc_chip_simulate(out, &s->workload, s->plan, how);
    if (status != VC_OK) {
        vc_chip_trace_abort(trace);
        return status;
    }
    vc_chip_trace_stages(trace, out, how->config, &s->chip->energy);
    status = vc_chip_trace_close(trace);
    if (status != VC_OK)
        vc_chip_result_close(out);
    return status;
}

/* Ends what a run wrote of the memory; NULL: nothing. */
static vc_status end_trace(vc_chip_result *out, vc_dram_trace *trace, vc_status status)
{
    if (!trace)
        return status;
    if (status != VC_OK) {
        vc_dram_trace_abort(trace);
        return status;
    }
    status = vc_dram_trace_close(trace);
    if (status != VC_OK)
        vc_chip_result_close(out);
    return status;
}

vc_status vc_simulation_run(vc_chip_result *out, const vc_simulation *s,
                            const vc_simulation_options *o)
{
    vc_chip_options how = {.config = &s->chip->chip,
                           .memory = &s->chip->memory,
                           .attention_only = o->attention_only,
                           .values = o->values,
                           .vectors = o->vectors};
    vc_dram_trace *requests = NULL, *commands = NULL;
    if ((o->dram_trace || o->dram_commands) && how.memory->model != VC_MEMORY_DRAM)
        return vc_fail(VC_EINVAL, "%s: the memory's model is bandwidth, wanted dram",
                       o->dram_trace ? "--dram-trace" : "--dram-commands");
    if (o->dram_trace)
        VC_TRY(vc_dram_trace_open(&requests, o->dram_trace));
    vc_status status = VC_OK;
    if (o->dram_commands)
        status = vc_dram_commands_open(&commands, o->dram_commands, &how.memory->dram);
    how.request_watch = requests ? vc_dram_trace_request : NULL;
    how.request_watcher = requests;
    how.command_watch = commands ? vc_dram_trace_command : NULL;
    how.command_watcher = commands;
    if (status == VC_OK)
        status = run_with_timeline(out, s, &how, o->trace);
    return end_trace(out, requests, end_trace(out, commands, status));
}

vc_status vc_simulation_bound(vc_bound *out, const vc_simulation *s, int attention_only)
{
    const vc_chip_kind *kind = s->chip->chip.kind;
    const vc_bound_config config = vc_accelerator_bound_config(s->chip);
    if (!kind->bound)
        return vc_fail(VC_EUNSUPPORTED, "the dataflow %s does other work than a workload says",
                       kind->name);
    return kind->bound(out, &s->workload, &config, attention_only);
}
