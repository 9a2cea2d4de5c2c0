#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "coded.h"
#include "commands.h"
#include "open_model.h"
#include "open_plan.h"
#include "simulate.h"
#include "vitcod/file_kind.h"
#include "vitcod/polarize.h"
#include "vitcod/subject.h"
#include "words.h"

typedef struct simulate_options {
    cli_model_options model;
    size_t threshold, head_dim, embed_dim, compressed, batch;
    vc_coded coded; /* what `compressed` is for */
    double ratio;
    int control, bound, functional, list;
    const char *of, *trace, *dram_trace, *dram_commands, *image, *vectors, *rtl_parameters, *gemms,
        *chip, *memory, *layers;
    size_t seed;
} simulate_options;

enum { DEFAULT_HEAD_DIM = 64 };            /* of every DeiT */
static const double DEFAULT_RATIO = 0.667; /* the public logs' */

/* ---- the plan: a file, a mask polarized, or none */

static vc_status open_plan(vc_plan *out, const simulate_options *o)
{
    *out = (vc_plan){0};
    if (o->model.plan)
        return vc_plan_read(out, o->model.plan);
    return o->model.mask ? vc_subject_mask(out, o->model.mask, o->threshold) : VC_OK;
}

static const char *plan_path(const simulate_options *o)
{
    return o->model.plan ? o->model.plan : o->model.mask;
}

/* ---- what runs: a model, or a plan's attention alone */

static vc_status open_file(vc_simulation *out, const vc_plan *plan, const vc_accelerator *chip,
                           const simulate_options *o)
{
    cli_model_options how = o->model;
    how.mask = NULL;
    how.plan = "none"; /* it is here already */
    vc_model *model;
    VC_TRY(cli_open_model(&model, &how, CLI_RUN));
    const vc_status status = vc_simulation_of_model(out, &model->config, plan, chip, plan_path(o));
    vc_model_close(model);
    return status;
}

static vc_status open_simulation(vc_simulation *out, const vc_plan *plan,
                                 const vc_accelerator *chip, const simulate_options *o)
{
    if (o->model.path)
        return open_file(out, plan, chip, o);
    if (o->model.arch) {
        vc_model_config config;
        VC_TRY(cli_preset(&config, &o->model));
        return vc_simulation_of_model(out, &config, plan, chip, plan_path(o));
    }
    const size_t compressed[2] = {o->coded & VC_CODED_Q ? o->compressed : 0,
                                  o->coded & VC_CODED_K ? o->compressed : 0};
    return vc_simulation_of_plan(out, plan, o->head_dim, compressed, chip, plan_path(o));
}

/* DeiT's head dimension must not be taken for another model's. */
static vc_status set_head_dim(simulate_options *o, const vc_plan *plan)
{
    const int whole = o->model.path || o->model.arch;
    for (size_t l = 0; !o->head_dim && !whole && l < plan->layer_count; l++)
        if (plan->layers[l].heads != plan->layers[0].heads ||
            plan->layers[l].queries != plan->layers[0].queries)
            return vc_fail(
                VC_EINVAL,
                "%s: layers of several shapes are no DeiT's: wanted a model or --head-dim",
                plan_path(o));
    o->head_dim = o->head_dim ? o->head_dim : DEFAULT_HEAD_DIM;
    return VC_OK;
}

/* On the accelerator that is asked for, with what its steps leave of the plan. */
static vc_status run_on_chip(simulated *out, const simulate_options *o, const vc_plan *plan)
{
    simulate_image image = {.how = &o->model, .image = o->image, .path = plan_path(o)};
    const vc_timeline_options how = {.functional = o->functional,
                                     .seed = o->seed,
                                     .data = o->image,
                                     .fill = o->image ? simulate_take_image : NULL,
                                     .context = &image,
                                     .trace = o->trace,
                                     .dram_trace = o->dram_trace,
                                     .dram_commands = o->dram_commands,
                                     .vectors = o->vectors,
                                     .gemms = o->gemms,
                                     .rtl_parameters = o->rtl_parameters};
    const vc_bound_config config = vc_bound_config_default();
    vc_accelerator chip;
    vc_simulation s;
    VC_TRY(vc_accelerator_open_with(&chip, o->chip ? o->chip : "vitcod", o->memory));
    chip.chip.batch = o->batch ? o->batch : chip.chip.batch;
    VC_TRY(open_simulation(&s, plan, &chip, o));
    vc_status status = o->layers ? vc_simulation_keep_layers(&s, o->layers) : VC_OK;
    if (status == VC_OK)
        status = vc_simulation_check(&s);
    image.plan = s.plan;
    if (status == VC_OK)
        status = o->bound ? vc_bounds_compute(&out->bound, &s, &config)
                          : vc_timeline_run(&out->timeline, &s, &how);
    vc_simulation_close(&s);
    return status;
}

static vc_status run_control(vc_control_result *out, const simulate_options *o, const vc_plan *plan)
{
    const vc_control_options how = {o->head_dim, o->ratio, o->embed_dim};
    out->layers = calloc(plan->layer_count, sizeof *out->layers);
    return out->layers ? vc_control_compute(out, plan, &how, plan_path(o))
                       : vc_fail(VC_ENOMEM, "out of memory");
}

static vc_status run_plan(simulated *out, simulate_options *o, const vc_plan *plan)
{
    VC_TRY(set_head_dim(o, plan));
    if (plan)
        vc_plan_hash_text(out->plan_hash, plan);
    out->method = vc_plan_method(plan);
    out->is_control = o->control;
    out->is_bound = !o->control && o->bound;
    out->is_timeline = !out->is_control && !out->is_bound;
    out->kind = o->control ? "control" : o->bound ? "bound" : "timeline";
    return o->control ? run_control(&out->control, o, plan) : run_on_chip(out, o, plan);
}

static vc_status simulate(simulated *out, simulate_options *o)
{
    vc_plan plan;
    if (o->list) {
        out->is_list = true;
        out->kind = "list";
        vc_catalogue_fill(&out->list);
        return VC_OK;
    }
    VC_TRY(open_plan(&plan, o));
    const vc_status status = run_plan(out, o, plan_path(o) ? &plan : NULL);
    vc_plan_close(&plan);
    return status;
}

/* ---- arguments */

/* The argument is a model, or a plan whose model may come behind --model. A file that is both is
 * the plan where there is another model, or none is wanted. */
static int take_argument(const cli_command *command, simulate_options *o, const char *model,
                         const cli_arguments *arguments)
{
    const char *argument = arguments->count ? arguments->positional[0] : NULL;
    const vc_plan_place place = argument ? vc_plan_is(argument) : VC_PLAN_NOWHERE;
    if (place == VC_PLAN_ALONE || (place == VC_PLAN_INSIDE && (model || o->control))) {
        if (o->model.plan || o->model.mask)
            return cli_usage(command, "a PLAN, and --plan or --mask as well: wanted one of them");
        o->model.plan = argument;
        argument = model;
    } else if (model) {
        if (argument && vc_file_refuse_path(argument, "a plan, with --model") != VC_OK)
            return cli_fail();
        return cli_usage(command, "--model goes with a PLAN as the argument");
    }
    if (place == VC_PLAN_INSIDE && argument && !o->model.plan && !o->model.mask)
        o->model.plan = argument;
    if (cli_is_none(o->model.plan))
        o->model.plan = NULL;
    o->model.path = argument;
    if (o->model.path && o->model.arch)
        return cli_usage(command, "both MODEL and --arch, wanted one of them");
    if (!o->model.path && !o->model.arch && !plan_path(o))
        return cli_usage(command, "wanted a MODEL, --arch NAME or a plan");
    return cli_check_model_options(command, &o->model);
}

static int check_options(const cli_command *command, const simulate_options *o)
{
    const int whole = o->model.path || o->model.arch;
    const int traced = o->functional || o->trace || o->dram_trace || o->dram_commands ||
                       o->vectors || o->rtl_parameters || o->gemms;
    if (o->control && (whole || o->compressed || o->bound || traced || o->chip || o->memory ||
                       o->layers || o->batch))
        return cli_usage(command,
                         "--control takes a plan, --head-dim, --ratio and --embed-dim alone");
    if (o->control && !plan_path(o))
        return cli_usage(command, "--control wants a plan or a mask");
    if (!o->control && (!isnan(o->ratio) || o->embed_dim))
        return cli_usage(command, "--ratio and --embed-dim belong to --control");
    if (!o->model.path && (o->model.autoencoder || o->model.heads))
        return cli_usage(command, "--autoencoder and --heads belong to a model's file");
    if (!whole && vc_extent_area(o->model.image_size) != 0)
        return cli_usage(command, "--image-size belongs to a model");
    if (whole && (o->head_dim || o->compressed))
        return cli_usage(command, "a model brings its own --head-dim and --compressed");
    if (o->of && !o->compressed)
        return cli_usage(command, "--of belongs to --compressed");
    if (o->bound && (traced || o->chip || o->memory))
        return cli_usage(
            command,
            "--bound has no --functional, --trace, --dram-trace, --dram-commands, --vectors, "
            "--gemms, --rtl-parameters, --chip, --memory");
    if (o->image && !(o->functional && o->model.path))
        return cli_usage(command, "--image belongs to --functional and a model's file");
    if (o->vectors && !o->functional)
        return cli_usage(command, "--vectors belongs to --functional");
    return CLI_CONTINUE;
}

static int run_simulate(const cli_command *command, int argc, char **argv)
{
    simulate_options o = {.ratio = NAN, .threshold = VC_POLARIZE_THRESHOLD};
    const char *model = NULL;
    const cli_option options[] = {
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        {"model", "MODEL", "with a PLAN as the argument: the model it is for", CLI_TEXT, &model},
        {"threshold", "N",
         "with --mask: a column that keeps more is global (default " CLI_NUMERAL(
             VC_POLARIZE_THRESHOLD) ")",
         CLI_COUNT, &o.threshold},
        {"chip", "FILE", "the accelerator: a YAML file, or one of --list (default vitcod)",
         CLI_TEXT, &o.chip, "config", .files = "yaml yml", .word = cli_chip_name},
        {"memory", "FILE", "another memory behind it: a YAML file, or one of --list", CLI_TEXT,
         &o.memory, .files = "yaml yml", .word = cli_memory_name},
        {"functional", NULL, "send int8 data through and compare with plain loops", CLI_FLAG,
         &o.functional},
        {"image", "FILE", "with --functional: the model's own Q, K and V of a picture, in int8",
         CLI_TEXT, &o.image},
        {"trace", "FILE", "timeline for Perfetto", CLI_WRITTEN, &o.trace, NULL, &cli_form_trace},
        {"dram-trace", "FILE", "write the memory's requests, as DRAMsim3 reads them", CLI_WRITTEN,
         &o.dram_trace, .form = &cli_form_requests},
        {"dram-commands", "FILE", "write the commands to its devices", CLI_WRITTEN,
         &o.dram_commands, .form = &cli_form_commands},
        {"vectors", "FILE", "with --functional: schedule and data (safetensors) for RTL",
         CLI_WRITTEN, &o.vectors, .form = &cli_form_vectors},
        {"rtl-parameters", "FILE", "the chip's values as SystemVerilog macros, for RTL",
         CLI_WRITTEN, &o.rtl_parameters, .form = &cli_form_rtl_parameters},
        {"gemms", "FILE", "products as a SCALE-Sim topology; as .yaml, Timeloop problems",
         CLI_WRITTEN, &o.gemms, .form = &cli_form_gemms},
        {"batch", "N", "images at a time, instead of the chip's `batch`", CLI_COUNT, &o.batch},
        {"layers", "A-B", "these layers alone, from 0 (default: all)", CLI_TEXT, &o.layers},
        {"bound", NULL, "what no schedule beats, instead of a schedule", CLI_FLAG, &o.bound},
        {"list", NULL, "the chips, memories and pruning rules that need no file, instead", CLI_FLAG,
         &o.list},
        {"control", NULL, "the published simulator's formulas instead", CLI_FLAG, &o.control},
        {"head-dim", "N", "values per head, without a model (default 64)", CLI_COUNT, &o.head_dim},
        {"compressed", "N", "heads of compressed Q and K, without a model (default: none)",
         CLI_COUNT, &o.compressed},
        {"of", "qk|q|k", "what is compressed (default qk)", CLI_TEXT, &o.of},
        {"ratio", "X", "control: the auto-encoder's ratio (default 0.667)", CLI_NUMBER, &o.ratio},
        {"embed-dim", "N", "control: model width, adds the linear part", CLI_COUNT, &o.embed_dim},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status == CLI_CONTINUE && o.list && argc > 2 + common.json + common.csv)
        status = cli_usage(command, "--list goes with nothing else");
    if (status == CLI_CONTINUE && !o.list)
        status = take_argument(command, &o, model, &arguments);
    if (status == CLI_CONTINUE && !o.list)
        status = check_options(command, &o);
    if (status == CLI_CONTINUE)
        status = cli_take_coded(&o.coded, command, o.of);
    if (status != CLI_CONTINUE)
        return status;
    o.ratio = isnan(o.ratio) ? DEFAULT_RATIO : o.ratio;
    o.seed = common.seed;
    simulated result = {0};
    status = cli_end(command, &common, simulate(&result, &o), &result, simulate_print);
    vc_timeline_close(&result.timeline);
    free(result.control.layers);
    return status;
}

const cli_command cmd_simulate = {
    "simulate",
    "a model or plan on the ViTCoD accelerator, cycle by cycle",
    "MODEL|--arch NAME|PLAN [--mask PATH|--plan FILE|none]",
    "Simulates the accelerator: cycles, what each engine did with them, bytes, energy; attention "
    "alone and, with a model, end to end. --bound: what no schedule for 512 MACs and 76.8 GB/s "
    "beats, all overlapping. --control: the published simulator's loops. See docs/simulator.md.",
    run_simulate,
    &simulate_record,
    "vitcod simulate sparse.safetensors\nvitcod simulate plan.safetensors --chip sanger --json"};
