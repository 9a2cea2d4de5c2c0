/* What the program says, on its way to a terminal. Files are written past these streams. */
#define _GNU_SOURCE /* fopencookie */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/printable.h"

typedef struct guarded {
    int fd;
    vc_printable at;
} guarded;

static int put(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        const ssize_t wrote = write(fd, text, bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return -1;
        text += wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}

static ssize_t put_printable(void *stream, const char *text, size_t bytes)
{
    guarded *g = stream;
    char piece[4096];
    for (size_t done = 0; done < bytes;) {
        const size_t count = bytes - done < sizeof piece ? bytes - done : sizeof piece;
        memcpy(piece, text + done, count);
        vc_printable_make(&g->at, piece, count, "\n\t");
        if (put(g->fd, piece, count) != 0)
            return 0;
        done += count;
    }
    return (ssize_t)bytes;
}

static int guard(FILE **stream, guarded *g, int mode)
{
    FILE *to = fopencookie(g, "w", (cookie_io_functions_t){.write = put_printable});
    if (!to)
        return -1;
    setvbuf(to, NULL, mode, mode == _IONBF ? 0 : BUFSIZ);
    *stream = to;
    return 0;
}

/* Without these, the first files that are opened would get what is printed. */
static int fill_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        return close(fd);
    for (fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return -1;
    return 0; /* all are there, and no further one may be opened */
}

int cli_open_streams(void)
{
    static guarded out = {.fd = STDOUT_FILENO}, error = {.fd = STDERR_FILENO};
    if (fill_standard_descriptors() != 0)
        return -1;
    if (guard(&stderr, &error, _IONBF) != 0)
        return -1;
    return guard(&stdout, &out, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
}
