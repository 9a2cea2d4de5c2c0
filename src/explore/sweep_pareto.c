/* The points of a file that no other beats. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/sweep.h"

typedef struct candidate {
    double latency, energy, area;
    json_t *line;
} candidate;

static int by_latency(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->latency != y->latency)
        return x->latency < y->latency ? -1 : 1;
    if (x->energy != y->energy)
        return x->energy < y->energy ? -1 : 1;
    return (x->area > y->area) - (x->area < y->area);
}

static int beats(const candidate *a, const candidate *b)
{
    return a->latency <= b->latency && a->energy <= b->energy && a->area <= b->area &&
           (a->latency < b->latency || a->energy < b->energy || a->area < b->area);
}

/* Keeps what no other beats, so that memory is that of the front. */
typedef struct front {
    candidate *items;
    size_t count, room;
} front;

static vc_status add_to_front(front *f, const candidate *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (beats(&f->items[i], c))
            return VC_OK;
    for (size_t i = 0; i < f->count; i++)
        if (beats(c, &f->items[i]))
            json_decref(f->items[i].line);
        else
            f->items[kept++] = f->items[i];
    f->count = kept;
    if (f->count == f->room) {
        const size_t room = f->room ? 2 * f->room : 64;
        candidate *more = realloc(f->items, room * sizeof *more);
        if (!more)
            return vc_fail(VC_ENOMEM, "out of memory for a front of %zu points", room);
        f->items = more;
        f->room = room;
    }
    f->items[f->count] = *c;
    json_incref(f->items[f->count++].line);
    return VC_OK;
}

/* What the front goes by: of a batch the time of all its images, and the energy of one. A line that
 * lacks one would beat all others. */
static vc_status read_candidate(candidate *out, const char *path, uint64_t number)
{
    static const char of_image[] = "energy_per_image_uj";
    const char *const keys[] = {
        "time_us", json_object_get(out->line, of_image) ? of_image : "energy_uj", "area_mm2"};
    double *const values[] = {&out->latency, &out->energy, &out->area};
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_object_get(out->line, keys[i]);
        if (!json_is_number(value) || !(json_number_value(value) >= 0.0))
            return vc_fail(VC_EFORMAT, "%s:%llu: '%s' is %s, wanted 0 or more", path,
                           (unsigned long long)number, keys[i],
                           value ? "no such number" : "missing");
        *values[i] = json_number_value(value);
    }
    return VC_OK;
}

static vc_status read_line(front *f, const char *text, size_t bytes, const char *path,
                           uint64_t number)
{
    json_error_t error;
    candidate c = {.line = vc_json_parse(text, bytes, 0, &error)};
    vc_status status = VC_OK;
    if (!c.line)
        status = vc_fail(vc_json_status(&error), "%s:%llu: %s", path, (unsigned long long)number,
                         error.text);
    else if (json_object_get(c.line, "point") && !json_object_get(c.line, "error")) {
        status = read_candidate(&c, path, number);
        if (status == VC_OK)
            status = add_to_front(f, &c);
    }
    json_decref(c.line);
    return status;
}

static vc_status read_front(front *f, FILE *stream, const char *path)
{
    char *text = NULL;
    size_t room = 0;
    uint64_t number = 0;
    vc_status status = VC_OK;
    ssize_t bytes;
    while (status == VC_OK && (bytes = getline(&text, &room, stream)) > 0)
        status = read_line(f, text, (size_t)bytes, path, ++number);
    if (status == VC_OK && !feof(stream))
        status = vc_fail(VC_EIO, "%s: cannot read: %s", path, strerror(errno));
    free(text);
    return status;
}

vc_status vc_sweep_pareto(json_t **out, const char *path)
{
    front f = {0};
    FILE *stream = fopen(path, "r");
    *out = NULL;
    if (!stream)
        return vc_fail(VC_EIO, "%s: cannot read: %s", path, strerror(errno));
    const vc_status status = read_front(&f, stream, path);
    fclose(stream);
    *out = json_array();
    if (f.count)
        qsort(f.items, f.count, sizeof *f.items, by_latency);
    for (size_t i = 0; i < f.count; i++)
        vc_json_append(out, f.items[i].line);
    free(f.items);
    if (status == VC_OK && !*out)
        return vc_fail(VC_ENOMEM, "%s: out of memory for the front", path);
    if (status != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
