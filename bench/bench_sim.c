/* Simulated cycles per second: the attention of a plan with a memory of constant bandwidth and with
 * DRAM, and a model end to end with DRAM; medians over rounds of the time that the thread had of
 * the CPU. The plan must be one of ARCH.
 *
 * usage: bench_sim PLAN.safetensors ARCH [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vitcod/vitcod.h"

enum { MOST_ROUNDS = 1001 };

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double seconds_of_the_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static vc_status run(const char *name, const vc_workload *workload, const vc_plan *plan,
                     const vc_chip_options *options, int rounds)
{
    double seconds[MOST_ROUNDS];
    uint64_t cycles = 0;
    for (int i = 0; i < rounds; i++) {
        vc_chip_result r;
        const double start = seconds_of_the_cpu();
        VC_TRY(vc_chip_simulate(&r, workload, plan, options));
        seconds[i] = seconds_of_the_cpu() - start;
        cycles = r.total.cycles;
        vc_chip_result_close(&r);
    }
    qsort(seconds, (size_t)rounds, sizeof *seconds, by_value);
    printf("{\"case\": \"%s\", \"cycles\": %llu, \"ms\": %.3f, \"ms_quartiles\": [%.3f, %.3f], "
           "\"million_cycles_per_s\": %.1f}\n",
           name, (unsigned long long)cycles, 1e3 * seconds[rounds / 2], 1e3 * seconds[rounds / 4],
           1e3 * seconds[rounds * 3 / 4], 1e-6 * (double)cycles / seconds[rounds / 2]);
    return VC_OK;
}

static vc_status run_all(const char *path, const char *arch, int rounds)
{
    const vc_accelerator chip = vc_accelerator_default();
    vc_memory_config simple = chip.memory;
    simple.model = VC_MEMORY_BANDWIDTH;
    vc_plan plan;
    vc_workload workload = {0};
    vc_model_config config;
    VC_TRY(vc_model_preset(&config, arch));
    VC_TRY(vc_plan_read(&plan, path));
    VC_TRY(vc_model_check_plan(&config, &plan, path));
    VC_TRY(vc_model_lower(&workload, &config, &plan));
    const vc_chip_options attention = {.config = &chip.chip,
                                       .memory = &simple,
                                       .attention_only = 1},
                          timed = {.config = &chip.chip,
                                   .memory = &chip.memory,
                                   .attention_only = 1},
                          all = {.config = &chip.chip, .memory = &chip.memory};
    VC_TRY(run("attention, bandwidth", &workload, &plan, &attention, rounds));
    VC_TRY(run("attention, DRAM", &workload, &plan, &timed, rounds));
    VC_TRY(run("end to end, DRAM", &workload, &plan, &all, rounds));
    vc_workload_close(&workload);
    vc_plan_close(&plan);
    return VC_OK;
}

int main(int argc, char **argv)
{
    const int rounds = argc > 3 ? atoi(argv[3]) : 21;
    if (argc < 3 || rounds < 1 || rounds > MOST_ROUNDS) {
        fprintf(stderr, "usage: bench_sim PLAN ARCH [ROUNDS]\n");
        return 2;
    }
    if (run_all(argv[1], argv[2], rounds) != VC_OK) {
        fprintf(stderr, "bench_sim: %s\n", vc_last_error());
        return 1;
    }
    return 0;
}
