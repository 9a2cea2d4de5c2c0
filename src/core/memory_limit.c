#include "vitcod/memory_limit.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { ROOM = 4096 };
static const char variable[] = "VC_MEMORY_LIMIT";
static const size_t small = (size_t)1 << 20; /* is not worth a look at what is left */

static _Atomic size_t limit; /* 0: not known yet */

/* ---- where limits come from */

/* The number in a file of a control group; SIZE_MAX if there is none, which "max" is as well. */
static size_t read_number(const char *path)
{
    unsigned long long value;
    FILE *file = fopen(path, "re");
    const int found = file && fscanf(file, "%llu", &value) == 1;
    if (file)
        fclose(file);
    return found ? (size_t)value : SIZE_MAX;
}

/* The least limit of a group and those around it. */
static size_t limit_of_group(const char *root, char *group, const char *name)
{
    char path[2 * ROOM];
    size_t least = SIZE_MAX;
    for (char *end = group + strlen(group);; *end = '\0') {
        snprintf(path, sizeof path, "%s%s/%s", root, group, name);
        const size_t here = read_number(path);
        least = here < least ? here : least;
        end = strrchr(group, '/');
        if (!end)
            return least;
    }
}

/* Of a line of /proc/self/cgroup: "0::/GROUP" (version 2) or "N:CONTROLLERS:/GROUP". */
static size_t limit_of_line(char *line)
{
    char *controllers = strchr(line, ':'), *group;
    line[strcspn(line, "\n")] = '\0';
    if (!controllers || !(group = strchr(controllers + 1, ':')))
        return SIZE_MAX;
    *group++ = '\0';
    if (controllers[1] == '\0')
        return limit_of_group("/sys/fs/cgroup", group, "memory.max");
    if (strstr(controllers, "memory"))
        return limit_of_group("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
    return SIZE_MAX;
}

static size_t limit_of_machine(void)
{
    struct sysinfo info;
    char line[ROOM];
    size_t least = SIZE_MAX;
    if (sysinfo(&info) == 0)
        least = (size_t)(info.totalram + info.totalswap) * info.mem_unit;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        const size_t here = limit_of_line(line);
        least = here < least ? here : least;
    }
    if (file)
        fclose(file);
    return least;
}

vc_status vc_memory_parse(size_t *bytes, const char *text)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    char *end;
    double value = strtod(text, &end);
    int known = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units && end != text && !known; i++) {
        value *= i > 0 ? 1024.0 : 1.0;
        known = strcmp(end, units[i]) == 0;
    }
    if (!known || !(value >= 0x1p20 && value < 0x1p62))
        return vc_fail(VC_EINVAL, "a limit of memory is '%s', wanted 1MiB or more, as 1.5GiB",
                       text);
    *bytes = (size_t)value;
    return VC_OK;
}

vc_status vc_memory_check(void)
{
    size_t bytes;
    const char *given = getenv(variable);
    const vc_status status = given ? vc_memory_parse(&bytes, given) : VC_OK;
    return status == VC_OK ? VC_OK : vc_fail(status, "%s: %s", variable, vc_last_error());
}

size_t vc_memory_limit(void)
{
    const char *given = getenv(variable);
    size_t bytes = limit;
    if (bytes > 0)
        return bytes;
    if (!given || vc_memory_parse(&bytes, given) != VC_OK)
        bytes = limit_of_machine();
    limit = bytes;
    return bytes;
}

void vc_memory_set_limit(size_t bytes)
{
    limit = bytes;
}

/* ---- what is left of them */

static size_t left_of(rlim_t most, size_t used)
{
    return most == RLIM_INFINITY ? SIZE_MAX : most > used ? (size_t)most - used : 0;
}

/* What is left, and of what. */
static size_t left(size_t *of)
{
    unsigned long size = 0, resident = 0, shared = 0, data = 0;
    struct rlimit space = {RLIM_INFINITY, 0}, heap = {RLIM_INFINITY, 0};
    FILE *file = fopen("/proc/self/statm", "re");
    const int known =
        file && fscanf(file, "%lu %lu %lu %*u %*u %lu", &size, &resident, &shared, &data) == 4;
    if (file)
        fclose(file);
    *of = vc_memory_limit();
    if (!known) /* without a way to look, only what could never be is refused */
        return *of;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    getrlimit(RLIMIT_AS, &space);
    getrlimit(RLIMIT_DATA, &heap);
    size_t least = left_of(*of, page * (resident - shared));
    const size_t others[] = {left_of(space.rlim_cur, page * size),
                             left_of(heap.rlim_cur, page * data)};
    const rlim_t limits[] = {space.rlim_cur, heap.rlim_cur};
    for (int i = 0; i < 2; i++)
        if (others[i] < least) {
            least = others[i];
            *of = (size_t)limits[i];
        }
    return least;
}

vc_status vc_memory_allow(size_t bytes)
{
    size_t of;
    if (bytes < small)
        return VC_OK;
    const size_t have = left(&of);
    if (bytes <= have)
        return VC_OK;
    return vc_fail(VC_ENOMEM,
                   "out of memory: wanted %.1f MiB in one block, and of the %.1f MiB that may be "
                   "used %.1f are left",
                   (double)bytes / 0x1p20, (double)of / 0x1p20, (double)have / 0x1p20);
}

void *vc_memory_take(size_t count, size_t each, const char *what)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes) || bytes > PTRDIFF_MAX) {
        vc_fail(VC_ENOMEM, "%s: wants more than the address space holds", what);
        return NULL;
    }
    if (vc_memory_allow(bytes) != VC_OK) {
        vc_fail(VC_ENOMEM, "%s: %s", what, vc_last_error());
        return NULL;
    }
    void *block = malloc(bytes ? bytes : 1);
    if (!block)
        vc_fail(VC_ENOMEM, "%s: out of memory: wanted %zu bytes in one block", what, bytes);
    return block;
}
