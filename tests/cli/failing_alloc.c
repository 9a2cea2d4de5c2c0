/* Preloaded into the program, lets one request for memory fail: the VC_FAIL_AT-th of those that the
 * program itself and jansson make. Other libraries are left alone. What has happened is said in the
 * file that VC_FAIL_TOLD names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);

static struct {
    uintptr_t begin, end;
} watched[16];
static size_t watched_count;
static atomic_long left;

static int watch(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    if (info->dlpi_name[0] != '\0' && !strstr(info->dlpi_name, "libjansson"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) &&
            watched_count < 16) {
            watched[watched_count].begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            watched[watched_count].end = watched[watched_count].begin + info->dlpi_phdr[i].p_memsz;
            watched_count++;
        }
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("VC_FAIL_AT");
    dl_iterate_phdr(watch, NULL);
    left = at ? atol(at) : 0;
}

static int fails(const void *caller)
{
    const uintptr_t at = (uintptr_t)caller;
    for (size_t i = 0; i < watched_count; i++)
        if (at >= watched[i].begin && at < watched[i].end) {
            if (atomic_fetch_sub(&left, 1) != 1)
                return 0;
            const char *path = getenv("VC_FAIL_TOLD");
            const int fd = path ? open(path, O_WRONLY | O_CREAT, 0666) : -1;
            if (fd >= 0)
                close(fd);
            errno = ENOMEM;
            return 1;
        }
    return 0;
}

void *malloc(size_t bytes)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}
