/* JSON of the Trace Event Format: complete events, a thread for each track. */
#include "vitcod/chip_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/file.h"

enum { MOST_TRACKS = 32, NAME = 32 };

struct vc_chip_trace {
    vc_file_writer writer;
    FILE *file; /* the writer's */
    double us_per_cycle;
    char tracks[MOST_TRACKS][NAME];
    size_t track_count;
    const char *separator;
};

vc_status vc_chip_trace_open(vc_chip_trace **out, const char *path, double clock_hz)
{
    vc_chip_trace *t = *out = calloc(1, sizeof *t);
    const vc_status status =
        t ? vc_file_write_begin(&t->writer, path) : vc_fail(VC_ENOMEM, "out of memory");
    if (status != VC_OK) {
        free(t);
        *out = NULL;
        return status;
    }
    t->us_per_cycle = 1e6 / clock_hz;
    t->separator = "";
    t->file = t->writer.stream;
    fputs("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n", t->file);
    return VC_OK;
}

/* Names here hold nothing that JSON would have to escape. */
static size_t track_of(vc_chip_trace *t, const char *name)
{
    for (size_t i = 0; i < t->track_count; i++)
        if (strcmp(t->tracks[i], name) == 0)
            return i;
    if (t->track_count == MOST_TRACKS)
        return MOST_TRACKS;
    snprintf(t->tracks[t->track_count], NAME, "%s", name);
    fprintf(
        t->file,
        "%s{\"ph\": \"M\", \"name\": \"thread_name\", \"pid\": 1, \"tid\": %zu, \"args\": {\"name\": \"%s\"}}",
        t->separator, t->track_count, name);
    t->separator = ",\n";
    return t->track_count++;
}

void vc_chip_trace_span(void *trace, const vc_chip_span *s)
{
    vc_chip_trace *t = trace;
    const size_t track = track_of(t, s->track);
    fprintf(
        t->file,
        "%s{\"ph\": \"X\", \"name\": \"%s\", \"pid\": 1, \"tid\": %zu, \"ts\": %.6f, \"dur\": %.6f, "
        "\"args\": {\"layer\": %d, \"head\": %d, \"cycle\": %llu, \"cycles\": %llu}}",
        t->separator, s->name, track, (double)s->start * t->us_per_cycle,
        (double)(s->end - s->start) * t->us_per_cycle, s->layer, s->head,
        (unsigned long long)s->start, (unsigned long long)(s->end - s->start));
}

vc_status vc_chip_trace_close(vc_chip_trace *t)
{
    fputs("\n]}\n", t->file);
    const vc_status status = vc_file_write_commit(&t->writer);
    free(t);
    return status;
}
