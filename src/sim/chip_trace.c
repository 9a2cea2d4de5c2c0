/* JSON of the Trace Event Format: complete events, a thread for each track. */
#include "vitcod/chip_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/file.h"

/* Bursts of a channel with pauses of no more clocks are one stream. */
enum { MOST_TRACKS = 256, NAME = 32, PAUSE = 32 };

/* Of a point of the counter track. */
static const double WINDOW_US = 0.5;

/* What a channel's data bus does. */
typedef struct stream {
    const char *name;  /* NULL: nothing yet */
    double start, end; /* clocks of the DRAM */
    uint64_t bursts;
} stream;

struct vc_chip_trace {
    vc_file_writer writer;
    FILE *file; /* the writer's */
    double us_per_cycle;
    char tracks[MOST_TRACKS][NAME];
    size_t track_count;
    vc_dram_config dram;
    stream *streams;      /* (channels) */
    uint64_t (*moved)[2]; /* (windows) bytes read and written */
    size_t windows, window_room;
    int lost; /* out of memory for them */
};

static vc_status begin(vc_chip_trace *t, const char *path, const vc_dram_config *dram)
{
    if (dram) {
        t->dram = *dram;
        t->streams = calloc(dram->channels, sizeof *t->streams);
        if (!t->streams)
            return vc_fail(VC_ENOMEM, "out of memory for %zu channels", (size_t)dram->channels);
    }
    return vc_file_write_begin(&t->writer, path);
}

vc_status vc_chip_trace_open(vc_chip_trace **out, const char *path, double clock_hz,
                             const vc_dram_config *dram)
{
    vc_chip_trace *t = *out = calloc(1, sizeof *t);
    if (!t)
        return vc_fail(VC_ENOMEM, "out of memory");
    const vc_status status = begin(t, path, dram);
    if (status != VC_OK) {
        free(t->streams);
        free(t);
        *out = NULL;
        return status;
    }
    t->us_per_cycle = 1e6 / clock_hz;
    t->file = t->writer.stream;
    fputs("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n"
          "{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": 1, \"args\": {\"name\": "
          "\"accelerator\"}}",
          t->file);
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
    fprintf(t->file,
            ",\n{\"ph\": \"M\", \"name\": \"thread_name\", \"pid\": 1, \"tid\": %zu, \"args\": "
            "{\"name\": \"%s\"}}",
            t->track_count, name);
    return t->track_count++;
}

void vc_chip_trace_span(void *trace, const vc_chip_span *s)
{
    vc_chip_trace *t = trace;
    const size_t track = track_of(t, s->track);
    fprintf(t->file,
            ",\n{\"ph\": \"X\", \"name\": \"%s\", \"pid\": 1, \"tid\": %zu, \"ts\": %.6f, \"dur\": "
            "%.6f, "
            "\"args\": {\"layer\": %d, \"head\": %d, \"cycle\": %llu, \"cycles\": %llu}}",
            s->name, track, (double)s->start * t->us_per_cycle,
            (double)(s->end - s->start) * t->us_per_cycle, s->layer, s->head,
            (unsigned long long)s->start, (unsigned long long)(s->end - s->start));
}

/* ---- the memory's channels */

static void write_stream(vc_chip_trace *t, size_t channel)
{
    const stream *s = &t->streams[channel];
    if (!s->name)
        return;
    char name[NAME];
    snprintf(name, sizeof name, "channel %zu", channel);
    const size_t track = track_of(t, name);
    const double us = 1e6 / t->dram.clock_hz;
    fprintf(t->file,
            ",\n{\"ph\": \"X\", \"name\": \"%s\", \"pid\": 1, \"tid\": %zu, \"ts\": %.6f, \"dur\": "
            "%.6f, "
            "\"args\": {\"bytes\": %llu}}",
            s->name, track, s->start * us, (s->end - s->start) * us,
            (unsigned long long)(s->bursts * t->dram.burst_bytes));
}

static void add_to_stream(vc_chip_trace *t, size_t channel, const char *name, double start,
                          double end)
{
    stream *s = &t->streams[channel];
    if (s->name != name || start > s->end + PAUSE) {
        write_stream(t, channel);
        *s = (stream){.name = name, .start = s->end > start ? s->end : start};
    }
    s->end = end > s->end ? end : s->end;
    s->bursts++;
}

static void add_to_window(vc_chip_trace *t, double end, int write)
{
    const size_t at = (size_t)(end * 1e6 / t->dram.clock_hz / WINDOW_US);
    if (at >= t->window_room) {
        const size_t room = 2 * at + 64;
        void *grown = realloc(t->moved, room * sizeof *t->moved);
        t->lost |= !grown;
        if (!grown)
            return;
        t->moved = grown;
        memset(t->moved + t->window_room, 0, (room - t->window_room) * sizeof *t->moved);
        t->window_room = room;
    }
    t->windows = at >= t->windows ? at + 1 : t->windows;
    t->moved[at][write] += t->dram.burst_bytes;
}

/* Points where it changes, and nothing at the end. */
static void write_counters(vc_chip_trace *t)
{
    uint64_t before[2] = {0, 0};
    for (size_t i = 0; t->windows > 0 && i <= t->windows; i++) {
        const uint64_t read = i < t->windows ? t->moved[i][0] : 0,
                       written = i < t->windows ? t->moved[i][1] : 0;
        if (i > 0 && read == before[0] && written == before[1])
            continue;
        fprintf(t->file,
                ",\n{\"ph\": \"C\", \"name\": \"DRAM GB/s\", \"pid\": 1, \"ts\": %.6f, \"args\": "
                "{\"read\": %.3f, \"write\": %.3f}}",
                (double)i * WINDOW_US, (double)read / WINDOW_US * 1e-3,
                (double)written / WINDOW_US * 1e-3);
        before[0] = read;
        before[1] = written;
    }
}

/* Only what moves data; refreshes show as pauses. */
void vc_chip_trace_command(void *trace, const vc_dram_command *c)
{
    vc_chip_trace *t = trace;
    const vc_dram_timing *g = &t->dram.timing;
    if (c->kind != VC_DRAM_RD && c->kind != VC_DRAM_WR)
        return;
    const int write = c->kind == VC_DRAM_WR;
    const double start = (double)(c->clock + (write ? g->cwl : g->cl));
    add_to_stream(t, c->channel, write ? "write" : "read", start, start + (double)g->burst);
    add_to_window(t, start + (double)g->burst, write);
}

vc_status vc_chip_trace_close(vc_chip_trace *t)
{
    if (t->lost) {
        vc_chip_trace_abort(t);
        return vc_fail(VC_ENOMEM, "out of memory for what the DRAM moves in the trace");
    }
    for (size_t i = 0; i < t->dram.channels; i++)
        write_stream(t, i);
    write_counters(t);
    fputs("\n]}\n", t->file);
    const vc_status status = vc_file_write_commit(&t->writer);
    free(t->streams);
    free(t->moved);
    free(t);
    return status;
}

void vc_chip_trace_abort(vc_chip_trace *t)
{
    vc_file_write_abort(&t->writer);
    free(t->streams);
    free(t->moved);
    free(t);
}
