/* The results of a sweep: JSON, a line each; written once, and gone on with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sweep.h"

int sweep_file_has(const sweep_file *f, uint64_t point)
{
    return f->done[point / 8] >> point % 8 & 1;
}

void sweep_file_mark(sweep_file *f, uint64_t point)
{
    f->count += !sweep_file_has(f, point);
    f->done[point / 8] = (uint8_t)(f->done[point / 8] | 1 << point % 8);
}

static vc_status write_all(const sweep_file *f, const char *text, size_t bytes)
{
    while (bytes > 0) {
        const ssize_t n = write(f->descriptor, text, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vc_fail(VC_EIO, "%s: cannot write: %s", f->path, strerror(errno));
        text += n;
        bytes -= (size_t)n;
    }
    return VC_OK;
}

/* One write, so that what a killed run leaves is whole lines but for the last. */
vc_status sweep_file_add(sweep_file *f, const char *line)
{
    char ended[SWEEP_LINE + 1];
    const size_t length = strlen(line);
    memcpy(ended, line, length);
    ended[length] = '\n';
    return write_all(f, ended, length + 1);
}

/* The first line of a file that is there must be that of this sweep. */
static vc_status check_header(const sweep_file *f, const char *line, const sweep_space *space)
{
    json_error_t error;
    json_t *header = json_loads(line, 0, &error);
    const char *hash = json_string_value(json_object_get(header, "sweep_hash"));
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%016llx", (unsigned long long)space->hash);
    const int same = hash && strcmp(hash, wanted) == 0;
    const vc_status status =
        same   ? VC_OK
        : hash ? vc_fail(VC_EINVAL,
                         "%s: holds the sweep %s, wanted %s: another space, seed, mask or chip",
                         f->path, hash, wanted)
               : vc_fail(VC_EFORMAT, "%s: does not begin with the header of a sweep", f->path);
    json_decref(header);
    return status;
}

static vc_status mark_line(sweep_file *f, const char *line, uint64_t number,
                           const sweep_space *space)
{
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);
    const json_t *point = json_object_get(object, "point");
    const json_int_t value = json_is_integer(point) ? json_integer_value(point) : -1;
    json_decref(object);
    if (value < 0 || (uint64_t)value >= space->points)
        return vc_fail(VC_EFORMAT, "%s:%llu: is no point of this sweep", f->path,
                       (unsigned long long)number);
    if (sweep_file_has(f, (uint64_t)value))
        return vc_fail(VC_EFORMAT, "%s:%llu: point %lld is there twice", f->path,
                       (unsigned long long)number, (long long)value);
    sweep_file_mark(f, (uint64_t)value);
    return VC_OK;
}

/* Reads what is there; `*end` is behind the last whole line. */
static vc_status read_lines(sweep_file *f, FILE *stream, const sweep_space *space, off_t *end)
{
    char *line = NULL;
    size_t room = 0;
    uint64_t number = 0;
    vc_status status = VC_OK;
    ssize_t length;
    *end = 0;
    while (status == VC_OK && (length = getline(&line, &room, stream)) > 0) {
        if (line[length - 1] != '\n')
            break;
        status = ++number == 1 ? check_header(f, line, space) : mark_line(f, line, number, space);
        *end += length;
    }
    free(line);
    return status;
}

static vc_status write_header(const sweep_file *f, json_t *header)
{
    char *text = json_dumps(header, JSON_COMPACT | JSON_REAL_PRECISION(12));
    const vc_status written =
        text ? write_all(f, text, strlen(text)) : vc_fail(VC_ENOMEM, "out of memory");
    free(text);
    return written == VC_OK ? write_all(f, "\n", 1) : written;
}

/* A file without one whole line is this sweep's only if a killed run could have left it: a
 * beginning of the header. */
static vc_status check_beginning(const sweep_file *f, json_t *header)
{
    char there[65536];
    const ssize_t count = pread(f->descriptor, there, sizeof there, 0);
    char *text = json_dumps(header, JSON_COMPACT | JSON_REAL_PRECISION(12));
    const int same = count >= 0 && text && (size_t)count <= strlen(text) &&
                     memcmp(there, text, (size_t)count) == 0;
    free(text);
    return same ? VC_OK
                : vc_fail(VC_EFORMAT, "%s: does not begin with the header of a sweep", f->path);
}

static vc_status go_on(sweep_file *f, const sweep_space *space, json_t *header)
{
    off_t end = 0;
    struct stat there;
    if (fstat(f->descriptor, &there) == 0 && !S_ISREG(there.st_mode))
        return write_header(f, header);
    const int copy = dup(f->descriptor);
    FILE *stream = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (!stream)
        return vc_fail(VC_EIO, "%s: cannot read: %s", f->path, strerror(errno));
    const vc_status status = read_lines(f, stream, space, &end);
    fclose(stream);
    VC_TRY(status);
    if (end == 0)
        VC_TRY(check_beginning(f, header));
    if (ftruncate(f->descriptor, end) != 0 && errno != EINVAL)
        return vc_fail(VC_EIO, "%s: cannot cut off half a line: %s", f->path, strerror(errno));
    return end > 0 ? VC_OK : write_header(f, header);
}

vc_status sweep_file_open(sweep_file *out, const char *path, const sweep_space *space,
                          json_t *header)
{
    *out = (sweep_file){.path = path, .descriptor = -1};
    out->done = calloc(space->points / 8 + 1, 1);
    if (!out->done)
        return vc_fail(VC_ENOMEM, "out of memory for %llu points",
                       (unsigned long long)space->points);
    out->descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    vc_status status = VC_OK;
    if (out->descriptor < 0)
        status = vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    else if (flock(out->descriptor, LOCK_EX | LOCK_NB) != 0)
        status = vc_fail(VC_EINVAL, "%s: another sweep is writing it", path);
    if (status == VC_OK)
        status = go_on(out, space, header);
    if (status != VC_OK)
        sweep_file_close(out);
    return status;
}

void sweep_file_close(sweep_file *f)
{
    if (f->descriptor >= 0)
        close(f->descriptor);
    free(f->done);
    *f = (sweep_file){.descriptor = -1};
}

/* ---- Pareto front */

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

static vc_status read_front(front *f, FILE *stream)
{
    char *text = NULL;
    size_t room = 0;
    vc_status status = VC_OK;
    while (status == VC_OK && getline(&text, &room, stream) > 0) {
        json_error_t error;
        json_t *line = json_loads(text, 0, &error);
        const json_t *latency = json_object_get(line, "time_us");
        if (latency) {
            const candidate c = {json_number_value(latency),
                                 json_number_value(json_object_get(line, "energy_uj")),
                                 json_number_value(json_object_get(line, "area_mm2")), line};
            status = add_to_front(f, &c);
        }
        json_decref(line);
    }
    free(text);
    return status;
}

vc_status sweep_pareto(json_t **out, const char *path)
{
    front f = {0};
    FILE *stream = fopen(path, "r");
    *out = json_array();
    if (!stream)
        return vc_fail(VC_EIO, "%s: cannot read: %s", path, strerror(errno));
    const vc_status status = read_front(&f, stream);
    fclose(stream);
    if (f.count)
        qsort(f.items, f.count, sizeof *f.items, by_latency);
    for (size_t i = 0; i < f.count; i++)
        json_array_append_new(*out, f.items[i].line);
    free(f.items);
    return status;
}
