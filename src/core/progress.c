#include "vitcod/progress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vitcod/clock.h"

static const char variable[] = "VC_PROGRESS";

/* 0: none is named; -1: what is named is none. */
static int named_file(void)
{
    const char *given = getenv(variable);
    char *end = NULL;
    const long file = given ? strtol(given, &end, 10) : 0;
    if (!given)
        return 0;
    const int is_one = end != given && !*end && file > STDERR_FILENO && file <= 0xffff;
    return is_one && fcntl((int)file, F_GETFD) >= 0 ? (int)file : -1;
}

vc_status vc_progress_check(void)
{
    if (named_file() >= 0)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s is '%s', wanted the number of an open descriptor above 2",
                   variable, getenv(variable));
}

vc_progress vc_progress_begin(const char *label, size_t total)
{
    const int file = named_file();
    return (vc_progress){.label = label,
                         .total = total,
                         .started = vc_clock_seconds(),
                         .visible = file == 0 && isatty(STDERR_FILENO),
                         .file = file > 0 ? file : 0};
}

void vc_progress_go_on(vc_progress *progress, size_t before)
{
    progress->before = before;
    progress->started = vc_clock_seconds();
}

void vc_progress_update(vc_progress *progress, size_t done, const char *note)
{
    double now = vc_clock_seconds();
    double elapsed = now - progress->started;
    if (progress->file && (now - progress->drawn >= 0.1 || done >= progress->total)) {
        progress->drawn = now;
        dprintf(progress->file, "%s\t%zu\t%zu\t%s\n", progress->label, done, progress->total,
                note ? note : "");
    }
    if (!progress->visible || elapsed < 2.0 || now - progress->drawn < 0.1 ||
        done <= progress->before)
        return;
    progress->drawn = now;
    double left = elapsed * (double)(progress->total - done) / (double)(done - progress->before);
    dprintf(STDERR_FILENO, "\r\033[K%s %zu/%zu  %.0f%%  %d:%02d left%s%s", progress->label, done,
            progress->total, 100.0 * (double)done / (double)progress->total, (int)left / 60,
            (int)left % 60, note ? "  " : "", note ? note : "");
}

void vc_progress_end(vc_progress *progress)
{
    if (progress->visible && progress->drawn > 0.0)
        dprintf(STDERR_FILENO, "\r\033[K");
}
