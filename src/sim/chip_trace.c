/* JSON of the Trace Event Format: complete events, a thread for each track. */
#include "vitcod/chip_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chip_counters.h"
#include "memory/memory_impl.h"
#include "vitcod/file.h"

/* Bursts of a channel with pauses of no more clocks are one stream. */
enum { MOST_TRACKS = 256, NAME = 32, PAUSE = 32 };

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
    stream *streams; /* (channels) */
    vc__counters counters;
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
    for (int u = 0; u < VC_CHIP_UNIT_COUNT; u++)
        if (strcmp(s->track, vc_chip_unit_name((vc_chip_unit)u)) == 0)
            vc__counters_work(&t->counters, (vc_chip_unit)u, (double)s->start * t->us_per_cycle,
                              (double)s->end * t->us_per_cycle);
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

/* Only what moves data is a span; refreshes show as pauses. */
void vc_chip_trace_command(void *trace, const vc_dram_command *c)
{
    vc_chip_trace *t = trace;
    const vc_dram_timing *g = &t->dram.timing;
    const double us = 1e6 / t->dram.clock_hz;
    vc__counters_spend(&t->counters, (double)c->clock * us, vc__dram_command_pj(&t->dram, c->kind));
    if (c->kind != VC_DRAM_RD && c->kind != VC_DRAM_WR)
        return;
    const int write = c->kind == VC_DRAM_WR;
    const double start = (double)(c->clock + (write ? g->cwl : g->cl));
    add_to_stream(t, c->channel, write ? "write" : "read", start, start + (double)g->burst);
    vc__counters_move(&t->counters, (start + (double)g->burst) * us, write, t->dram.burst_bytes);
}

/* The power of the chip, which is known of a stage as a whole. */
void vc_chip_trace_stages(vc_chip_trace *t, const vc_chip_result *r, const vc_chip_config *c,
                          const vc_energy_table *table)
{
    const vc_memory_counters no_memory = {0};
    double end = 0.0;
    for (size_t i = 0; i < r->stage_count; i++) {
        const vc_chip_stage *s = &r->stages[i];
        const vc_chip_energy e = vc_chip_energy_of(&s->counts, c, table, &no_memory);
        const double us = (double)s->counts.cycles * t->us_per_cycle;
        double scratchpads = 0.0;
        for (int p = VC_ENERGY_QUERY; p <= VC_ENERGY_DECODED; p++)
            scratchpads += e.pj[p];
        if (s->counts.cycles == 0)
            continue;
        vc__counters_power(t->file, (double)s->start * t->us_per_cycle,
                           (double[]){e.pj[VC_ENERGY_LINES] + e.pj[VC_ENERGY_CODERS],
                                      e.pj[VC_ENERGY_UNITS], scratchpads, e.pj[VC_ENERGY_LEAKAGE]},
                           us);
        end = (double)s->start * t->us_per_cycle + us;
    }
    vc__counters_power(t->file, end, (double[]){0.0, 0.0, 0.0, 0.0}, 1.0);
}

vc_status vc_chip_trace_close(vc_chip_trace *t)
{
    if (t->counters.lost) {
        vc_chip_trace_abort(t);
        return vc_fail(VC_ENOMEM, "out of memory for the counters of the trace");
    }
    for (size_t i = 0; i < t->dram.channels; i++)
        write_stream(t, i);
    vc__counters_write(t->file, &t->counters, t->streams != NULL);
    fputs("\n]}\n", t->file);
    const vc_status status = vc_file_write_commit(&t->writer);
    free(t->streams);
    vc__counters_close(&t->counters);
    free(t);
    return status;
}

void vc_chip_trace_abort(vc_chip_trace *t)
{
    vc_file_write_abort(&t->writer);
    free(t->streams);
    vc__counters_close(&t->counters);
    free(t);
}
