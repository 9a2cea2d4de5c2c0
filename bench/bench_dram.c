/* Simulated DRAM bursts per second, and the share of the peak bandwidth that a stream reaches.
 *
 * usage: bench_dram [MEMORY.yaml [MEGABYTES]] */
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/clock.h"
#include "vitcod/memory.h"

int main(int argc, char **argv)
{
    vc_memory_config config = vc_memory_config_default();
    const uint64_t bytes = (argc > 2 ? strtoull(argv[2], NULL, 10) : 128) << 20, piece = 1 << 15;
    vc_memory *memory;
    if ((argc > 1 && vc_memory_config_read(&config, argv[1]) != VC_OK) ||
        vc_memory_open(&memory, &config, 500e6) != VC_OK) {
        fprintf(stderr, "bench_dram: %s\n", vc_last_error());
        return 1;
    }
    const double start = vc_clock_seconds();
    uint64_t end = 0;
    for (uint64_t at = 0; at < bytes; at += piece) {
        vc_transfer t = {.address = at, .bytes = piece, .issue = end},
                    more = {.address = at + bytes, .bytes = piece / 4, .write = 1, .issue = end};
        vc_memory_push(memory, &t);
        vc_memory_push(memory, &more);
        vc_memory_wait(memory, &more);
        end = vc_memory_wait(memory, &t);
    }
    const double seconds = vc_clock_seconds() - start;
    const vc_memory_counters n = vc_memory_count(memory, end);
    printf(
        "{\"bursts\": %llu, \"seconds\": %.4f, \"million_bursts_per_s\": %.2f, \"share_of_peak\": "
        "%.4f, "
        "\"pj_per_bit\": %.2f}\n",
        (unsigned long long)(n.reads + n.writes), seconds,
        (double)(n.reads + n.writes) * 1e-6 / seconds,
        (double)(n.read_bytes + n.written_bytes) / ((double)end / 500e6) / vc_memory_peak(&config),
        (n.energy_pj + n.standby_pj) / (8.0 * (double)(n.read_bytes + n.written_bytes)));
    vc_memory_close(memory);
    return 0;
}
