#include <math.h>
#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "open_plan.h"
#include "plan_cost.h"
#include "vitcod/kept_share.h"
#include "vitcod/maps.h"
#include "vitcod/plan_pictures.h"
#include "vitcod/plan_summary.h"
#include "vitcod/polarize.h"

typedef struct polarize_options {
    const char *output, *pictures, *threshold_text, *target, *maps;
    size_t threshold;
    int search;
    cli_plan_cost cost;
} polarize_options;

typedef struct polarize_result {
    double cost; /* of the threshold that was searched, else NAN */
    const char *cost_unit;
    vc_plan_summary plan;
} polarize_result;

static const vc_field result_fields[] = {
    {VC_FIELD(polarize_result, cost, "", "least cost of all thresholds, see cost_unit"), VC_KNOWN},
    {VC_FIELD(polarize_result, cost_unit, "", "unit of cost"), VC_KNOWN},
    {VC_FIELD_INLINE(polarize_result, plan, &vc_plan_summary_record)},
};
static const vc_record result_record = VC_RECORD("polarize", polarize_result, result_fields);

static vc_status make_plan(vc_plan *plan, polarize_result *result, const vc_mask_set *set,
                           const polarize_options *o, const vc_map_set *maps, const char *path)
{
    cli_plan_cost how = o->cost;
    how.maps = maps;
    how.maps_path = o->maps;
    if (o->search) {
        VC_TRY(cli_search_threshold(plan, &result->cost, set, &how, path));
        result->cost_unit = how.unit;
        return VC_OK;
    }
    VC_TRY(vc_polarize_groups(plan, set->masks, set->count, o->threshold, path));
    return maps ? vc_plan_add_kept_shares(plan, maps->maps, maps->files.count, o->maps) : VC_OK;
}

static vc_status make_plan_with_maps(vc_plan *plan, polarize_result *result, const vc_mask_set *set,
                                     const polarize_options *o, const char *path)
{
    vc_map_set maps;
    if (!o->maps)
        return make_plan(plan, result, set, o, NULL, path);
    VC_TRY(vc_map_set_read(&maps, o->maps));
    const vc_status status = make_plan(plan, result, set, o, &maps, path);
    vc_map_set_close(&maps);
    return status;
}

static vc_status polarize(polarize_result *result, const polarize_options *o, const char *path)
{
    vc_mask_set set;
    vc_plan plan = {0};
    VC_TRY(vc_mask_set_read(&set, path));
    vc_status status = make_plan_with_maps(&plan, result, &set, o, path);
    if (status == VC_OK && o->pictures)
        status = vc_plan_pictures(o->pictures, &set, &plan);
    if (status == VC_OK)
        status = vc_plan_write(o->output, &plan);
    if (status == VC_OK)
        status = vc_plan_summarize(&result->plan, &plan);
    vc_plan_close(&plan);
    vc_mask_set_close(&set);
    return status;
}

static void print_text(const void *result)
{
    const polarize_result *r = result;
    const vc_plan_summary *p = &r->plan;
    puts("global tokens per layer and head:");
    for (size_t l = 0; l < p->layers; l++) {
        printf("  layer %2zu:", l);
        for (size_t h = 0; h < p->global_tokens[l].heads; h++)
            printf(" %3d", p->global_tokens[l].of_heads[h]);
        putchar('\n');
    }
    printf("kept: %.2f %%, %llu entries in the denser part, %llu in the sparser\n",
           100.0 * p->kept_share, (unsigned long long)p->kept_denser,
           (unsigned long long)p->kept_sparser);
    if (r->cost_unit)
        printf("threshold %llu costs least: %g %s\n", (unsigned long long)p->threshold, r->cost,
               r->cost_unit);
}

static int run_polarize(const cli_command *command, int argc, char **argv)
{
    polarize_options o = {.threshold = VC_POLARIZE_THRESHOLD, .cost = {.head_dim = 64}};
    const cli_option options[] = {
        {"output", "FILE", "the plan (safetensors)", CLI_TEXT, &o.output},
        {"threshold", "N|auto",
         "a column that keeps more is a global token (default " CLI_NUMERAL(
             VC_POLARIZE_THRESHOLD) "); auto: what costs least",
         CLI_TEXT, &o.threshold_text},
        {"for", "TARGET",
         "auto: vitcod (default), cycles on the chip; cpu, time of attention in inference",
         CLI_TEXT, &o.target},
        {"head-dim", "N", "auto: values per head (default 64)", CLI_COUNT, &o.cost.head_dim},
        {"residual", "MAPS",
         "averaged attention: the plan gets the mean of all values in place of what is pruned",
         CLI_TEXT, &o.maps},
        {"pictures", "DIR", "draw mask.png and mask-polarized.png there, per group", CLI_TEXT,
         &o.pictures},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.output)
        return cli_usage(command, "-o FILE is missing");
    if (o.threshold_text)
        status = cli_take_threshold(command, &o.threshold, &o.search, o.threshold_text);
    if (status == CLI_CONTINUE)
        status = cli_check_plan_cost(command, &o.cost, o.target);
    if (status != CLI_CONTINUE)
        return status;
    if (o.target && !o.search)
        return cli_usage(command, "--for belongs to --threshold auto");
    polarize_result result = {.cost = NAN};
    const vc_status done = polarize(&result, &o, arguments.positional[0]);
    status = cli_end(command, &common, done, &result, print_text);
    vc_record_free(&result_record, &result);
    return status;
}

const cli_command cmd_polarize = {
    "polarize",
    "reorder tokens: a mask becomes a plan",
    "MASK.npy|DIR -o PLAN [--threshold N]",
    "Moves the global tokens (columns that keep many entries) to the front, per head, and writes "
    "the plan that sparse attention and the simulator run on (`vitcod import MODEL --plan PLAN` "
    "puts it into a model's file). A folder holds the masks of a model in groups of layers "
    "(LeViT: mask_dpt0.npy, mask_subsample0.npy, ..); the threshold is that of the first group, "
    "and less in others as they have fewer queries.",
    run_polarize,
    &result_record,
    "vitcod polarize mask.npy -o plan.safetensors\n"
    "vitcod polarize mask.npy --threshold auto --for cpu -o plan.safetensors"};
