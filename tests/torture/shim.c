/* Preloaded into the program, counts the calls by which it changes what lies on a disk, and lets
 * something happen at one of them. What other libraries call is left alone.
 *
 *     VC_SHIM_KILL=N          the process is killed before the N-th call; one that writes has
 *                             written half of it
 *     VC_SHIM_FAIL=N:ERRNO    the N-th call fails
 *     VC_SHIM_COUNT=FILE      gets the number of calls when the program ends
 *     VC_SHIM_RECORD=FOLDER   gets `order`, a line for each change of names and each fsync, and
 *                             what files held when they were synchronized: what a loss of power
 *                             leaves */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uintptr_t begin, end; /* of the program's code */
static atomic_long calls;
static long kill_at, fail_at;
static int reason;
static const char *folder;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int find_program(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    if (info->dlpi_name[0] != '\0')
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            end = begin + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

__attribute__((constructor)) static void start(void)
{
    const char *dies = getenv("VC_SHIM_KILL"), *fails = getenv("VC_SHIM_FAIL");
    dl_iterate_phdr(find_program, NULL);
    kill_at = dies ? atol(dies) : 0;
    fail_at = fails ? atol(fails) : 0;
    reason = fails && strchr(fails, ':') ? atoi(strchr(fails, ':') + 1) : EIO;
    folder = getenv("VC_SHIM_RECORD");
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("VC_SHIM_COUNT");
    const int fd = path ? NEXT(open)(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0)
        return;
    dprintf(fd, "%ld\n", (long)calls);
    close(fd);
}

enum { GOES_ON, FAILS, DIES };

/* What happens at this call. */
static int next_call(const void *caller)
{
    if ((uintptr_t)caller < begin || (uintptr_t)caller >= end)
        return GOES_ON;
    const long now = atomic_fetch_add(&calls, 1) + 1;
    if (now == fail_at)
        errno = reason;
    return now == kill_at ? DIES : now == fail_at ? FAILS : GOES_ON;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Ends the function if its call is to fail, and the process if it is to be killed. */
#define CALL(failed)                                                                               \
    do {                                                                                           \
        const int what_ = next_call(__builtin_return_address(0));                                  \
        if (what_ == DIES)                                                                         \
            die();                                                                                 \
        if (what_ == FAILS)                                                                        \
            return failed;                                                                         \
    } while (0)

/* ---- the order in which things reach the disk */

static void note(const char *format, ...)
{
    char path[4096];
    va_list list;
    if (!folder)
        return;
    snprintf(path, sizeof path, "%s/order", folder);
    const int fd = NEXT(open)(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    va_start(list, format);
    if (fd >= 0)
        vdprintf(fd, format, list);
    va_end(list);
    close(fd);
}

/* What a file holds now, as FOLDER/NUMBER. */
static void keep(int fd)
{
    static atomic_int number;
    struct stat info;
    char path[4096], bytes[65536];
    if (!folder || fstat(fd, &info) != 0)
        return;
    if (S_ISDIR(info.st_mode)) {
        note("folder\n");
        return;
    }
    const int n = atomic_fetch_add(&number, 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int from = NEXT(open)(path, O_RDONLY);
    snprintf(path, sizeof path, "%s/%d-%d", folder, (int)getpid(), n);
    const int to = NEXT(open)(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (ssize_t have; (have = read(from, bytes, sizeof bytes)) > 0;)
        (void)!NEXT(write)(to, bytes, (size_t)have);
    close(from);
    close(to);
    note("sync\t%llu\t%d-%d\n", (unsigned long long)info.st_ino, (int)getpid(), n);
}

/* ---- calls */

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (flags & (O_WRONLY | O_RDWR | O_CREAT))
        CALL(-1);
    return NEXT(open)(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    CALL(NULL);
    return NEXT(fopen)(path, mode);
}

FILE *fdopen(int fd, const char *mode)
{
    CALL(NULL);
    return NEXT(fdopen)(fd, mode);
}

/* Killed with half of it in the file. */
static void write_half(const void *data, size_t bytes, FILE *stream)
{
    NEXT(fwrite)(data, 1, bytes / 2, stream);
    NEXT(fflush)(stream);
    die();
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
    if (next_call(__builtin_return_address(0)) == DIES)
        write_half(data, size * count, stream);
    return NEXT(fwrite)(data, size, count, stream);
}

int fputs(const char *text, FILE *stream)
{
    if (next_call(__builtin_return_address(0)) == DIES)
        write_half(text, strlen(text), stream);
    return NEXT(fputs)(text, stream);
}

int fflush(FILE *stream)
{
    CALL(EOF);
    return NEXT(fflush)(stream);
}

int fclose(FILE *stream)
{
    const int what = next_call(__builtin_return_address(0));
    if (what == DIES)
        die();
    const int status = NEXT(fclose)(stream);
    if (what != FAILS)
        return status;
    errno = reason;
    return EOF;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    const int what = next_call(__builtin_return_address(0));
    if (what == DIES) {
        (void)!NEXT(write)(fd, data, bytes / 2);
        die();
    }
    return what == FAILS ? -1 : NEXT(write)(fd, data, bytes);
}

int fsync(int fd)
{
    CALL(-1);
    keep(fd);
    return NEXT(fsync)(fd);
}

int rename(const char *from, const char *to)
{
    CALL(-1);
    const int status = NEXT(rename)(from, to);
    if (status == 0)
        note("rename\t%s\t%s\n", from, to);
    return status;
}

static void note_link(const char *to)
{
    struct stat info;
    if (stat(to, &info) == 0)
        note("link\t%llu\t%s\n", (unsigned long long)info.st_ino, to);
}

int link(const char *from, const char *to)
{
    CALL(-1);
    const int status = NEXT(link)(from, to);
    if (status == 0)
        note_link(to);
    return status;
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
    CALL(-1);
    const int status = NEXT(linkat)(a, from, b, to, flags);
    if (status == 0)
        note_link(to);
    return status;
}

int unlink(const char *path)
{
    CALL(-1);
    const int status = NEXT(unlink)(path);
    if (status == 0)
        note("unlink\t%s\n", path);
    return status;
}

int mkdir(const char *path, mode_t mode)
{
    CALL(-1);
    return NEXT(mkdir)(path, mode);
}

int ftruncate(int fd, off_t length)
{
    CALL(-1);
    return NEXT(ftruncate)(fd, length);
}

int truncate(const char *path, off_t length)
{
    CALL(-1);
    return NEXT(truncate)(path, length);
}
