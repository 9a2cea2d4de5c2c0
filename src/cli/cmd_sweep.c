#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "commands.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/sweep.h"

typedef struct sweep_options {
    const char *output;
    int pareto, count, axes;
    size_t seed;
} sweep_options;

typedef struct sweep_result {
    uint64_t points, before, computed, impossible, processes;
    const char *results;
    json_t *front;
    vc_sweep_axis *axes; /* instead of all else */
    size_t axis_count;
} sweep_result;

static const vc_field result_fields[] = {
    {VC_FIELD(sweep_result, points, "", "of the space"), VC_KNOWN},
    {VC_FIELD_AS(sweep_result, before, "done_before", "", "points that the file had"), VC_KNOWN},
    {VC_FIELD(sweep_result, computed, "", "points that it had not"), VC_KNOWN},
    {VC_FIELD(sweep_result, impossible, "", "points of the file that no chip can compute"),
     VC_KNOWN},
    {VC_FIELD(sweep_result, processes, "", "that shared them"), VC_KNOWN},
    {VC_FIELD(sweep_result, results, "", "the file"), VC_KNOWN},
    {VC_FIELD_AS(sweep_result, front, "pareto", "", "points that no other beats"), VC_KNOWN},
    {VC_FIELD_RECORDS(sweep_result, axes, axis_count, "axes", &vc_sweep_axis_record,
                      "keys of a space"),
     VC_KNOWN},
};
static const vc_record result_record = VC_RECORD("sweep", sweep_result, result_fields);

static vc_status run_points(sweep_result *out, const vc_sweep *space, const char *path)
{
    vc_sweep_done done;
    vc_progress progress = vc_progress_begin("sweep", 1);
    const vc_status status = vc_sweep_run(&done, space, path, cli_command_line(), &progress);
    vc_progress_end(&progress);
    VC_TRY(status);
    if (vc_comm_rank() == 0 && done.impossible == out->points)
        return vc_fail(VC_EINVAL, "%s: none of the %llu points is possible; point %llu: %s", path,
                       (unsigned long long)out->points, (unsigned long long)done.first,
                       done.reason);
    out->before = done.before;
    out->computed = done.now;
    out->impossible = done.impossible;
    out->processes = (uint64_t)vc_comm_size();
    out->results = path;
    return VC_OK;
}

static vc_status run_space(sweep_result *out, const vc_sweep *space, const sweep_options *o)
{
    struct stat there;
    if (o->pareto && stat(o->output, &there) == 0 && !S_ISREG(there.st_mode))
        return vc_fail(VC_EINVAL, "%s: is no file that --pareto could read back", o->output);
    out->points = vc_sweep_points(space);
    return o->count ? VC_OK : run_points(out, space, o->output);
}

static vc_status sweep(sweep_result *out, const char *path, const sweep_options *o)
{
    vc_sweep *space;
    if (o->axes)
        return vc_sweep_axes(&out->axes, &out->axis_count);
    VC_TRY(vc_sweep_open(&space, path, o->seed));
    const vc_status status = run_space(out, space, o);
    vc_sweep_close(space);
    VC_TRY(status);
    return o->pareto && vc_comm_rank() == 0 ? vc_sweep_pareto(&out->front, o->output) : VC_OK;
}

/* ---- text */

static void print_front(const json_t *front)
{
    size_t i;
    json_t *line;
    printf("Pareto front of latency, energy and area: %zu points\n  %8s %12s %12s %10s  values\n",
           json_array_size(front), "point", "us", "uJ", "mm2");
    json_array_foreach (front, i, line) {
        char *values = vc_json_dump(json_object_get(line, "values"), JSON_COMPACT);
        printf("  %8.0f %12.2f %12.2f %10.3f  %s\n", vc_json_number(line, "point"),
               vc_json_number(line, "time_us"), vc_json_number(line, "energy_uj"),
               vc_json_number(line, "area_mm2"), values ? values : "out of memory");
        free(values);
    }
}

static void print_text(const void *result)
{
    const sweep_result *r = result;
    for (size_t i = 0; i < r->axis_count; i++)
        printf("%-24s %-32s %s\n", r->axes[i].key, r->axes[i].values, r->axes[i].meaning);
    if (r->results)
        printf("%s: %llu points, %llu of them computed now, %llu impossible%s\n", r->results,
               (unsigned long long)r->points, (unsigned long long)r->computed,
               (unsigned long long)r->impossible,
               r->impossible ? " (\"error\" in their lines says why)" : "");
    else if (!r->axes)
        printf("%llu points\n", (unsigned long long)r->points);
    if (r->front)
        print_front(r->front);
}

/* ---- arguments */

static int check_options(const cli_command *command, const sweep_options *o, size_t arguments)
{
    if (o->axes)
        return arguments == 0 && !o->output && !o->count && !o->pareto
                   ? CLI_CONTINUE
                   : cli_usage(command, "--axes goes with nothing else");
    if (arguments != 1)
        return cli_usage(command, "%zu arguments, wanted 1", arguments);
    if (o->output && o->count)
        return cli_usage(command, "both -o and --count, which computes nothing to be written");
    if (!o->output && !o->count)
        return cli_usage(command, "-o FILE is missing, where the results go");
    if (o->count && o->pareto)
        return cli_usage(command, "--count computes nothing that --pareto could show");
    return CLI_CONTINUE;
}

static int run_processes(const cli_command *command, const sweep_options *o, const char *path,
                         const cli_common *common)
{
    sweep_result result = {.points = VC_NO_COUNT,
                           .before = VC_NO_COUNT,
                           .computed = VC_NO_COUNT,
                           .impossible = VC_NO_COUNT,
                           .processes = VC_NO_COUNT};
    if (vc_comm_open() != VC_OK)
        return cli_fail();
    const vc_status done = sweep(&result, path, o);
    const int status = cli_end_together(command, common, done, &result, print_text);
    json_decref(result.front);
    free(result.axes);
    return status;
}

static int run_sweep(const cli_command *command, int argc, char **argv)
{
    sweep_options o = {0};
    const cli_option options[] = {
        {"output", "FILE", "results, a line of JSON for each point; goes on where it ends",
         CLI_WRITTEN, &o.output},
        {"pareto", NULL, "print the points that no other beats in latency, energy and area",
         CLI_FLAG, &o.pareto},
        {"count", NULL, "say how many points there are, and compute none", CLI_FLAG, &o.count},
        {"axes", NULL, "list the keys that a space may have, and what they may be", CLI_FLAG,
         &o.axes},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status == CLI_CONTINUE)
        status = check_options(command, &o, arguments.count);
    if (status != CLI_CONTINUE)
        return status;
    o.seed = common.seed;
    return run_processes(command, &o, arguments.count ? arguments.positional[0] : NULL, &common);
}

const cli_command cmd_sweep = {
    "sweep",
    "a space of accelerators, models and masks, point by point",
    "SPACE.yaml -o RESULTS.jsonl [--pareto]",
    "Simulates every point of a grid, or so many in a random order, and writes a line for each: "
    "its values, and cycles, time, energy, bytes and area, or why it is impossible. What is in "
    "the file is not computed again. A full or broken machine ends the run, and a space without "
    "a possible point is an error. `mpirun -n N vitcod sweep ..` shares the points among "
    "processes; the results are the same whatever N. examples/sweep.yaml shows the keys, "
    "--axes lists them.",
    run_sweep,
    &result_record,
    "vitcod sweep examples/sweep.yaml -o sweep.jsonl --pareto\n"
    "vitcod sweep --axes"};
