#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "open_plan.h"
#include "plan_cost.h"
#include "vitcod/distill.h"
#include "vitcod/plan_pictures.h"
#include "vitcod/plan_summary.h"
#include "vitcod/polarize.h"
#include "vitcod/vitcod_files.h"

typedef struct polarize_options {
    const char *output, *pictures, *threshold_text, *target, *maps, *format, *summaries, *attention;
    size_t threshold;
    int search;
    cli_plan_cost cost;
} polarize_options;

typedef struct polarize_result {
    double cost;   /* of the threshold that was searched, else NAN */
    bool of_usual; /* the threshold, which nobody chose */
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
                           const polarize_options *o, const vc_stand_in *rest, const char *path)
{
    cli_plan_cost how = o->cost;
    how.complete = vc_stand_in_complete;
    how.context = rest;
    if (o->search) {
        VC_TRY(cli_search_threshold(plan, &result->cost, set, &how, path));
        result->cost_unit = how.unit;
        return VC_OK;
    }
    VC_TRY(vc_polarize_groups(plan, set->masks, set->count, o->threshold, path));
    return vc_stand_in_complete(rest, plan);
}

static vc_status write_plan(const polarize_options *o, const vc_plan *plan, const vc_mask_set *set,
                            const char *path)
{
    return o->format ? vc_vitcod_write(o->output, plan, set, path) : vc_plan_write(o->output, plan);
}

/* ViTCoD's mask that is polarized already. */
static vc_status take_reordered(polarize_result *result, const polarize_options *o,
                                const char *path)
{
    vc_plan plan;
    if (o->threshold_text || o->maps || o->summaries || o->pictures || o->format)
        return vc_fail(VC_EINVAL,
                       "%s: ViTCoD's mask is polarized already, so nothing but -o belongs to it",
                       path);
    VC_TRY(vc_vitcod_read(&plan, path));
    vc_status status = vc_plan_write(o->output, &plan);
    if (status == VC_OK)
        status = vc_plan_summarize(&result->plan, &plan);
    vc_plan_close(&plan);
    return status;
}

static vc_status make_and_write(polarize_result *result, const polarize_options *o,
                                const vc_mask_set *set, const vc_plan *from, const char *path)
{
    vc_stand_in rest;
    vc_plan plan = {0};
    vc_status status = vc_stand_in_open(&rest, from, o->maps, o->summaries, o->attention);
    if (status == VC_OK)
        status = make_plan(&plan, result, set, o, &rest, path);
    if (status == VC_OK && o->pictures)
        status = vc_plan_pictures(o->pictures, set, &plan);
    if (status == VC_OK)
        status = write_plan(o, &plan, set, path);
    if (status == VC_OK)
        status = vc_plan_summarize(&result->plan, &plan);
    vc_plan_close(&plan);
    vc_stand_in_close(&rest);
    return status;
}

/* A plan, as `vitcod prune --summary` writes it, is polarized anew. */
static vc_status polarize_plan(polarize_result *result, const polarize_options *o, const char *path)
{
    vc_mask_set set;
    vc_plan plan;
    VC_TRY(vc_plan_read(&plan, path));
    const int has_rest = strcmp(vc_plan_method(&plan), "kept entries alone") != 0;
    vc_status status = VC_OK;
    if (plan.reordered)
        status = vc_fail(VC_EINVAL,
                         "%s: which token is where is not known, so that it cannot be "
                         "polarized anew",
                         path);
    else if (o->format || (has_rest && (o->maps || o->summaries)))
        status = vc_fail(VC_EINVAL, "%s: is a plan %s, wanted %s", path, vc_plan_method(&plan),
                         o->format ? "a mask for --export" : "no --residual and no --summary");
    if (status == VC_OK)
        status = vc_plan_masks(&set, &plan);
    if (status == VC_OK) {
        status = make_and_write(result, o, &set, &plan, path);
        vc_mask_set_close(&set);
    }
    vc_plan_close(&plan);
    return status;
}

static vc_status polarize(polarize_result *result, const polarize_options *o, const char *path)
{
    vc_mask_set set;
    if (vc_vitcod_is_reordered(path))
        return take_reordered(result, o, path);
    if (vc_plan_is(path) != VC_PLAN_NOWHERE)
        return polarize_plan(result, o, path);
    VC_TRY(vc_mask_set_read(&set, path));
    const vc_status status = make_and_write(result, o, &set, NULL, path);
    vc_mask_set_close(&set);
    return status;
}

/* Global tokens of all heads; *heads: how many there are. */
static double all_globals(size_t *heads, const vc_plan_summary *p)
{
    double globals = 0.0;
    *heads = 0;
    for (size_t l = 0; l < p->layers; l++)
        for (size_t h = 0; h < p->global_tokens[l].heads; h++, ++*heads)
            globals += p->global_tokens[l].of_heads[h];
    return globals;
}

/* The usual threshold is one for some 200 tokens: of many more it makes columns global that keep
 * little, and all of their entries are computed. */
static void print_hint(const vc_plan_summary *p)
{
    size_t heads;
    const double computed = all_globals(&heads, p) * (double)p->queries;
    if (p->layers > 0 && computed > (double)p->kept)
        printf("threshold %llu makes so many tokens global that their columns have %.3g entries, "
               "more than the %.3g that are kept: --threshold auto finds what costs least\n",
               (unsigned long long)p->threshold, computed, (double)p->kept);
}

/* What the threshold that was found comes to. */
static void print_search(const polarize_result *r)
{
    const vc_plan_summary *p = &r->plan;
    size_t heads;
    const double globals = all_globals(&heads, p);
    printf("threshold %llu costs least: %g %s\n", (unsigned long long)p->threshold, r->cost,
           r->cost_unit);
    printf("  global is a token that more than %llu of %llu queries keep: %.1f per head in the "
           "mean,\n  whose columns hold %.1f %% of the kept entries and are computed whole; the "
           "others' entries\n  are computed one by one\n",
           (unsigned long long)p->threshold, (unsigned long long)p->queries,
           globals / (double)(heads ? heads : 1),
           100.0 * (double)p->kept_denser / (double)(p->kept ? p->kept : 1));
}

static void print_text(const void *result)
{
    const polarize_result *r = result;
    vc_plan_summary_print(stdout, &r->plan);
    if (r->cost_unit)
        print_search(r);
    else if (r->of_usual)
        print_hint(&r->plan);
}

static int run_polarize(const cli_command *command, int argc, char **argv)
{
    polarize_options o = {.threshold = VC_POLARIZE_THRESHOLD, .cost = {.head_dim = 64}};
    const cli_option options[] = {
        {"output", "FILE", "the plan (safetensors)", CLI_STREAM, &o.output, .form = &cli_form_plan},
        {"threshold", "N|auto",
         "a column that keeps more is a global token (default " CLI_NUMERAL(
             VC_POLARIZE_THRESHOLD) "); auto: what costs least",
         CLI_TEXT, &o.threshold_text},
        {"for", "vitcod|cpu",
         "auto: vitcod (default), cycles on the chip; cpu, time of attention in inference",
         CLI_TEXT, &o.target},
        {"head-dim", "N", "auto: values per head (default 64)", CLI_COUNT, &o.cost.head_dim},
        {"residual", "MAPS",
         "averaged attention: the plan gets the mean of all values in place of what is pruned",
         CLI_TEXT, &o.maps},
        {"summary", "GRID",
         "of a mask: pooled keys in place of what is pruned: 3x3, 3x3q, 3x3s1.5, of frames 9x1, by "
         "layer 3x3*9,1x1q*3",
         CLI_TEXT, &o.summaries},
        {"attention", "FILE", "what they are made by, from `vitcod attention --summary`", CLI_TEXT,
         &o.attention, .files = "safetensors"},
        {"export", "vitcod", "-o is a folder that gets ViTCoD's reodered_ and global_token_ files",
         CLI_TEXT, &o.format},
        {"pictures", "DIR", "draw mask.png and mask-polarized.png there, per group", CLI_WRITTEN,
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
    if (o.format && (o.maps || o.summaries))
        return cli_usage(command, "ViTCoD's files have no room for a %s",
                         o.maps ? "--residual" : "--summary");
    if (!o.summaries != !o.attention || (o.summaries && o.maps))
        return cli_usage(command, "--summary and --attention belong together, and not beside "
                                  "--residual");
    if (o.summaries && strcmp(o.summaries, VC_SUMMARIES_AUTO) == 0)
        return cli_usage(command, "--summary auto is chosen by `vitcod prune`, whose plan has "
                                  "summaries already");
    if (o.summaries && vc_summary_grids_parse(NULL, 0, o.summaries) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    if (o.threshold_text)
        status = cli_take_threshold(command, &o.threshold, &o.search, o.threshold_text);
    if (status == CLI_CONTINUE)
        status = cli_check_plan_cost(command, &o.cost, o.target);
    if (status != CLI_CONTINUE)
        return status;
    if (o.target && !o.search)
        return cli_usage(command, "--for belongs to --threshold auto");
    polarize_result result = {.cost = NAN, .of_usual = !o.threshold_text};
    const vc_status done = polarize(&result, &o, arguments.positional[0]);
    status = cli_end(command, &common, done, &result, print_text);
    vc_record_free(&result_record, &result);
    return status;
}

const cli_command cmd_polarize = {
    "polarize",
    "reorder tokens: a mask becomes a plan",
    "MASK.npy|DIR|PLAN -o PLAN [--threshold N]",
    "Moves the global tokens (columns that keep many entries) to the front, per head, and writes "
    "the plan that sparse attention and the simulator run on (`vitcod import MODEL --plan PLAN` "
    "puts it into a model's file). A folder holds the masks of a model in groups of layers "
    "(LeViT: mask_dpt0.npy, mask_subsample0.npy, ..); the threshold is that of the first group, "
    "and less in others as they have fewer queries. A mask named reodered_.. is ViTCoD's, "
    "polarized already; its global_token_.. lies beside it. A plan, as `vitcod prune --summary` "
    "writes it, is polarized with what stands in for what is pruned.",
    run_polarize,
    &result_record,
    "vitcod polarize mask.npy -o plan.safetensors\n"
    "vitcod polarize mask.npy --threshold auto --for cpu -o plan.safetensors"};
