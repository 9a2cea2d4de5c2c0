#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "commands.h"
#include "vitcod/comm.h"
#include "vitcod/sweep.h"

typedef struct sweep_options {
    const char *output;
    int pareto, count;
    size_t seed;
} sweep_options;

static vc_status run_points(json_t *result, const vc_sweep *space, const char *path)
{
    vc_sweep_done done;
    VC_TRY(vc_sweep_run(&done, space, path));
    json_object_update_new(
        result, json_pack("{s:I, s:I, s:I, s:i, s:o}", "points", (json_int_t)vc_sweep_points(space),
                          "done_before", (json_int_t)done.before, "computed", (json_int_t)done.now,
                          "processes", vc_comm_size(), "results", vc_json_text(path)));
    return VC_OK;
}

static vc_status run_space(json_t *result, const vc_sweep *space, const sweep_options *o)
{
    struct stat there;
    if (o->pareto && stat(o->output, &there) == 0 && !S_ISREG(there.st_mode))
        return vc_fail(VC_EINVAL, "%s: is no file that --pareto could read back", o->output);
    if (!o->count)
        return run_points(result, space, o->output);
    json_object_set_new(result, "points", json_integer((json_int_t)vc_sweep_points(space)));
    return VC_OK;
}

static vc_status sweep(json_t *result, const char *path, const sweep_options *o)
{
    vc_sweep *space;
    VC_TRY(vc_sweep_open(&space, path, o->seed));
    const vc_status status = run_space(result, space, o);
    vc_sweep_close(space);
    VC_TRY(status);
    if (!o->pareto || vc_comm_rank() != 0)
        return VC_OK;
    json_t *front;
    const vc_status read = vc_sweep_pareto(&front, o->output);
    json_object_set_new(result, "pareto", front);
    return read;
}

static void print_text(const json_t *result)
{
    size_t i;
    json_t *line;
    const json_t *front = json_object_get(result, "pareto");
    if (!json_object_get(result, "results")) {
        printf("%lld points\n", (long long)json_integer_value(json_object_get(result, "points")));
        return;
    }
    printf("%s: %lld points, %lld of them computed now\n",
           json_string_value(json_object_get(result, "results")),
           (long long)json_integer_value(json_object_get(result, "points")),
           (long long)json_integer_value(json_object_get(result, "computed")));
    if (front)
        printf(
            "Pareto front of latency, energy and area: %zu points\n  %8s %12s %12s %10s  values\n",
            json_array_size(front), "point", "us", "uJ", "mm2");
    json_array_foreach (front, i, line) {
        char *values = json_dumps(json_object_get(line, "values"), JSON_COMPACT);
        printf("  %8lld %12.2f %12.2f %10.3f  %s\n",
               (long long)json_integer_value(json_object_get(line, "point")),
               json_number_value(json_object_get(line, "time_us")),
               json_number_value(json_object_get(line, "energy_uj")),
               json_number_value(json_object_get(line, "area_mm2")), values ? values : "");
        free(values);
    }
}

static int run_sweep(const cli_command *command, int argc, char **argv)
{
    sweep_options o = {0};
    const cli_option options[] = {
        {"output", "FILE", "results, a line of JSON for each point; goes on where it ends",
         CLI_TEXT, &o.output},
        {"pareto", NULL, "print the points that no other beats in latency, energy and area",
         CLI_FLAG, &o.pareto},
        {"count", NULL, "say how many points there are, and compute none", CLI_FLAG, &o.count},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.output == !o.count)
        return cli_usage(command, "wanted -o FILE, or --count");
    if (o.count && o.pareto)
        return cli_usage(command, "--count computes nothing that --pareto could show");
    o.seed = common.seed;
    if (vc_comm_open() != VC_OK)
        return cli_fail();
    const int first = vc_comm_rank() == 0;
    json_t *result = cli_result(command, &common);
    const vc_status done = sweep(result, arguments.positional[0], &o);
    if (first || done != VC_OK)
        status = cli_finish(result, done, common.json, print_text);
    else {
        json_decref(result);
        status = CLI_OK;
    }
    if (done != VC_OK && vc_comm_size() > 1)
        vc_comm_abort();
    vc_comm_close();
    return status;
}

const cli_command cmd_sweep = {
    "sweep", "a space of accelerators, models and masks, point by point",
    "SPACE.yaml -o RESULTS.jsonl [--pareto]",
    "Simulates every point of a grid, or so many in a random order, and writes a line for each: "
    "its\n"
    "values, and cycles, time, energy, bytes and area, or why it is impossible. What is in the "
    "file is\n"
    "not computed again. `mpirun -n N vitcod sweep ..` shares the points among processes; the "
    "results are\n"
    "the same whatever N. examples/sweep.yaml shows the keys.",
    run_sweep, NULL};
