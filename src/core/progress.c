#include "vitcod/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "vitcod/clock.h"

vc_progress vc_progress_begin(const char *label, size_t total)
{
    return (vc_progress){.label = label,
                         .total = total,
                         .started = vc_clock_seconds(),
                         .visible = isatty(STDERR_FILENO)};
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
