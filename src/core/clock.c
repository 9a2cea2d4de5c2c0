#include "vitcod/clock.h"

#include <sys/resource.h>
#include <time.h>

const char *vc_clock_date(char text[VC_CLOCK_DATE])
{
    const time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(text, VC_CLOCK_DATE, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

double vc_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double vc_peak_mebibytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}
