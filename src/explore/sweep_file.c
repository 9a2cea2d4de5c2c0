/* The results of a sweep: JSON, a line each; written once, and gone on with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sweep_impl.h"
#include "vitcod/memory_limit.h"

int vc__sweep_file_has(const vc__sweep_file *f, uint64_t point)
{
    return f->done[point / 8] >> point % 8 & 1;
}

/* `error`: why it is impossible; NULL: it is not. Of those the first by number is remembered, as
 * the lines come in any order. */
static void mark_point(vc__sweep_file *f, uint64_t point, const char *error)
{
    f->count++;
    f->done[point / 8] = (uint8_t)(f->done[point / 8] | 1 << point % 8);
    if (error && (f->impossible++ == 0 || point < f->first)) {
        f->first = point;
        snprintf(f->reason, sizeof f->reason, "%s", error);
    }
}

static vc_status write_all(const vc__sweep_file *f, const char *text, size_t bytes)
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

/* *out is NULL for what is no JSON. */
static vc_status parse(json_t **out, const vc__sweep_file *f, const char *line, size_t bytes)
{
    json_error_t error;
    *out = vc_json_parse(line, bytes, 0, &error);
    if (!*out && vc_json_status(&error) == VC_ENOMEM)
        return vc_fail(VC_ENOMEM, "%s: out of memory for a line", f->path);
    return VC_OK;
}

/* One write, so that what a killed run leaves is whole lines but for the last. */
vc_status vc__sweep_file_add(vc__sweep_file *f, const char *line)
{
    char ended[VC_SWEEP_LINE + 1];
    const size_t length = strlen(line);
    json_t *object;
    VC_TRY(parse(&object, f, line, length));
    if (!object)
        return vc_fail(VC_EIO, "%s: another process sent a point's result that is no JSON",
                       f->path);
    memcpy(ended, line, length);
    ended[length] = '\n';
    const vc_status status = write_all(f, ended, length + 1);
    if (status == VC_OK)
        mark_point(f, (uint64_t)json_integer_value(json_object_get(object, "point")),
                   json_string_value(json_object_get(object, "error")));
    json_decref(object);
    return status;
}

/* The first line of a file that is there must be that of this sweep. */
static vc_status check_header(const vc__sweep_file *f, const char *line, size_t bytes,
                              const vc_sweep *space)
{
    json_t *header;
    VC_TRY(parse(&header, f, line, bytes));
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

static vc_status mark_line(vc__sweep_file *f, const char *line, size_t bytes, uint64_t number,
                           const vc_sweep *space)
{
    json_t *object;
    VC_TRY(parse(&object, f, line, bytes));
    const json_t *point = json_object_get(object, "point");
    const json_int_t value = json_is_integer(point) ? json_integer_value(point) : -1;
    vc_status status = VC_OK;
    if (value < 0 || (uint64_t)value >= space->points)
        status = vc_fail(VC_EFORMAT, "%s:%llu: is no point of this sweep", f->path,
                         (unsigned long long)number);
    else if (vc__sweep_file_has(f, (uint64_t)value))
        status = vc_fail(VC_EFORMAT, "%s:%llu: point %lld is there twice", f->path,
                         (unsigned long long)number, (long long)value);
    else
        mark_point(f, (uint64_t)value, json_string_value(json_object_get(object, "error")));
    json_decref(object);
    return status;
}

/* Reads what is there; `*end` is behind the last whole line. */
static vc_status read_lines(vc__sweep_file *f, FILE *stream, const vc_sweep *space, off_t *end)
{
    char *line = NULL;
    size_t room = 0;
    uint64_t number = 0;
    vc_status status = VC_OK;
    ssize_t length = 0;
    *end = 0;
    while (status == VC_OK && (length = getline(&line, &room, stream)) > 0) {
        if (line[length - 1] != '\n')
            break;
        const size_t bytes = (size_t)length;
        status = ++number == 1 ? check_header(f, line, bytes, space)
                               : mark_line(f, line, bytes, number, space);
        *end += length;
    }
    if (status == VC_OK && length < 0 && !feof(stream)) /* what follows is not to be cut off */
        status = vc_fail(VC_EIO, "%s: cannot read: %s", f->path, strerror(errno));
    free(line);
    return status;
}

static vc_status write_header(const vc__sweep_file *f, json_t *header)
{
    char *text = vc_json_dump(header, JSON_COMPACT | JSON_REAL_PRECISION(12));
    const vc_status written =
        text ? write_all(f, text, strlen(text)) : vc_fail(VC_ENOMEM, "out of memory");
    free(text);
    return written == VC_OK ? write_all(f, "\n", 1) : written;
}

/* A file without one whole line is this sweep's only if a killed run could have left it: a
 * beginning of the header, whatever its command was. */
static vc_status check_beginning(const vc__sweep_file *f, json_t *header)
{
    char there[1 << 17];
    const ssize_t count = pread(f->descriptor, there, sizeof there, 0);
    char *text = vc_json_dump(header, JSON_COMPACT | JSON_REAL_PRECISION(12));
    const char *command = text ? strstr(text, ",\"command\":") : NULL;
    const size_t fixed = command ? (size_t)(command - text)
                         : text  ? strlen(text)
                                 : 0,
                 same_bytes = (size_t)count < fixed ? (size_t)count : fixed;
    const int no_text = !text, same = count >= 0 && text && (command || (size_t)count <= fixed) &&
                                      memcmp(there, text, same_bytes) == 0;
    free(text);
    if (no_text)
        return vc_fail(VC_ENOMEM, "%s: out of memory for the header", f->path);
    return same ? VC_OK
                : vc_fail(VC_EFORMAT, "%s: does not begin with the header of a sweep", f->path);
}

static vc_status go_on(vc__sweep_file *f, const vc_sweep *space, json_t *header)
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

/* A pipe that nobody reads is an error, not a wait without end. */
static int open_to_go_on(const char *path)
{
    struct stat there;
    if (stat(path, &there) != 0 || !S_ISFIFO(there.st_mode))
        return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const int pipe = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (pipe >= 0)
        fcntl(pipe, F_SETFL, 0);
    return pipe;
}

vc_status vc__sweep_file_open(vc__sweep_file *out, const char *path, const char *command,
                              const vc_sweep *space)
{
    *out = (vc__sweep_file){.path = path, .descriptor = -1};
    out->done = vc_memory_take(space->points / 8 + 1, 1, "which points of the space are done");
    if (!out->done)
        return VC_ENOMEM;
    memset(out->done, 0, space->points / 8 + 1);
    out->descriptor = open_to_go_on(path);
    vc_status status = VC_OK;
    if (out->descriptor < 0)
        status = vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    else if (flock(out->descriptor, LOCK_EX | LOCK_NB) != 0)
        status = vc_fail(VC_EINVAL, "%s: another sweep is writing it", path);
    json_t *header = status == VC_OK ? vc__sweep_header(space, command) : NULL;
    if (status == VC_OK && !header)
        status = vc_fail(VC_ENOMEM, "%s: out of memory for the header", path);
    if (status == VC_OK)
        status = go_on(out, space, header);
    json_decref(header);
    if (status != VC_OK)
        vc__sweep_file_close(out);
    return status;
}

void vc__sweep_file_close(vc__sweep_file *f)
{
    if (f->descriptor >= 0)
        close(f->descriptor);
    free(f->done);
    *f = (vc__sweep_file){.descriptor = -1};
}
