/* How long a user waits for the first result, from starting a command to the first byte that it
 * prints, and the most memory that it used. Prints medians and quartiles as JSON.
 *
 * usage: bench_start ROUNDS COMMAND [ARGUMENT...] */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vitcod/clock.h"
#include "vitcod/profile.h"

enum { MOST = 1000 };

/* Seconds to the first byte; negative when the command fails. */
static double run_once(char **command, double *kilobytes)
{
    int ends[2], status;
    char bytes[4096];
    struct rusage usage;
    if (pipe(ends) != 0)
        return -1.0;
    double started = vc_clock_seconds(), first = -1.0;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    while (child > 0 && read(ends[0], bytes, sizeof bytes) > 0)
        if (first < 0.0)
            first = vc_clock_seconds() - started;
    close(ends[0]);
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
        return -1.0;
    *kilobytes = (double)usage.ru_maxrss;
    return first;
}

int main(int argc, char **argv)
{
    static double milliseconds[MOST], megabytes[MOST];
    size_t rounds = argc > 2 ? (size_t)atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > MOST) {
        fputs("usage: bench_start ROUNDS COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    for (size_t r = 0; r < rounds; r++) {
        double kilobytes = 0.0;
        milliseconds[r] = 1e3 * run_once(argv + 2, &kilobytes);
        megabytes[r] = kilobytes / 1024.0;
        if (milliseconds[r] < 0.0) {
            fprintf(stderr, "bench_start: %s failed\n", argv[2]);
            return 1;
        }
    }
    const vc_spread time = vc_spread_of(milliseconds, rounds);
    const vc_spread memory = vc_spread_of(megabytes, rounds);
    printf("{\"rounds\": %zu, \"first_byte_ms\": {\"median\": %.1f, \"quartile_low\": %.1f, "
           "\"quartile_high\": %.1f}, \"peak_mib\": {\"median\": %.1f}}\n",
           rounds, time.median, time.low, time.high, memory.median);
    return 0;
}
