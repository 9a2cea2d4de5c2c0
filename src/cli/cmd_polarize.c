#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "open_plan.h"
#include "plan_cost.h"
#include "vitcod/kept_share.h"
#include "vitcod/maps.h"
#include "vitcod/plan_pictures.h"
#include "vitcod/polarize.h"

typedef struct polarize_options {
    const char *output, *pictures, *threshold_text, *maps;
    size_t threshold;
    int search;
    cli_plan_cost cost;
} polarize_options;

static vc_status make_plan(vc_plan *plan, json_t *result, const vc_mask_set *set,
                           const polarize_options *o, const vc_map_set *maps, const char *path)
{
    double cost;
    cli_plan_cost how = o->cost;
    how.maps = maps;
    how.maps_path = o->maps;
    if (o->search) {
        VC_TRY(cli_search_threshold(plan, &cost, set, &how, path));
        json_object_set_new(result, "cost", json_real(cost));
        json_object_set_new(result, "cost_unit", json_string(how.unit));
        return VC_OK;
    }
    VC_TRY(vc_polarize_groups(plan, set->masks, set->count, o->threshold, path));
    return maps ? vc_plan_add_kept_shares(plan, maps->maps, maps->files.count, o->maps) : VC_OK;
}

static vc_status make_plan_with_maps(vc_plan *plan, json_t *result, const vc_mask_set *set,
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

static vc_status polarize(json_t *result, const polarize_options *o, const char *path)
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
        json_object_update_new(result, cli_plan_json(&plan));
    vc_plan_close(&plan);
    vc_mask_set_close(&set);
    return status;
}

static void print_text(const json_t *result)
{
    size_t l, h;
    json_t *heads, *count;
    puts("global tokens per layer and head:");
    json_array_foreach (json_object_get(result, "global_tokens"), l, heads) {
        printf("  layer %2zu:", l);
        json_array_foreach (heads, h, count)
            printf(" %3lld", (long long)json_integer_value(count));
        putchar('\n');
    }
    printf("kept: %.2f %%, %lld entries in the denser part, %lld in the sparser\n",
           100.0 * json_real_value(json_object_get(result, "kept_share")),
           (long long)json_integer_value(json_object_get(result, "kept_denser")),
           (long long)json_integer_value(json_object_get(result, "kept_sparser")));
    const json_t *cost = json_object_get(result, "cost");
    if (cost)
        printf("threshold %lld costs least: %g %s\n",
               (long long)json_integer_value(json_object_get(result, "threshold")),
               json_real_value(cost), json_string_value(json_object_get(result, "cost_unit")));
}

static int run_polarize(const cli_command *command, int argc, char **argv)
{
    polarize_options o = {.threshold = VC_POLARIZE_THRESHOLD,
                          .cost = {.target = "vitcod", .head_dim = 64}};
    const cli_option options[] = {
        {"output", "FILE", "the plan (safetensors)", CLI_TEXT, &o.output},
        {"threshold", "N|auto",
         "a column that keeps more is a global token (default " CLI_NUMERAL(
             VC_POLARIZE_THRESHOLD) "); auto: what costs least",
         CLI_TEXT, &o.threshold_text},
        {"for", "TARGET",
         "auto: vitcod (default), cycles on the chip; cpu, time of attention in inference",
         CLI_TEXT, &o.cost.target},
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
    if (status == CLI_CONTINUE && o.search)
        status = cli_check_plan_cost(command, &o.cost);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    vc_status done = polarize(result, &o, arguments.positional[0]);
    return cli_finish(result, done, common.json, print_text);
}

const cli_command cmd_polarize = {
    "polarize",
    "reorder tokens: a mask becomes a plan",
    "MASK.npy|DIR -o PLAN [--threshold N]",
    "Moves the global tokens (columns that keep many entries) to the front, per head, and writes "
    "the\nplan that sparse attention and the simulator run on (`vitcod import MODEL --plan PLAN` "
    "puts it into a\nmodel's file). A folder holds the masks of a model in groups\nof layers "
    "(LeViT: mask_dpt0.npy, mask_subsample0.npy, ..); the threshold is that of the first\ngroup, "
    "and less in others as they have fewer queries.",
    run_polarize,
    NULL};
