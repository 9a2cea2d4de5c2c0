/* Signals of a file that became shorter, and of libraries that get no memory. */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "faults.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "vitcod/file.h"
#include "vitcod/printable.h"

enum { ROOM = 4200 };

/* Only what may be called in a signal's handler. */
static void end_with(const char *start, const char *path, const char *end)
{
    char text[ROOM] = "vitcod: ";
    vc_printable at = {0};
    const char *const parts[] = {start, path, end};
    size_t used = strlen(text);
    for (size_t i = 0; i < 3; i++)
        for (const char *c = parts[i]; *c && used + 2 < sizeof text; c++)
            text[used++] = *c;
    vc_printable_make(&at, text, used, "");
    text[used++] = '\n';
    (void)!write(STDERR_FILENO, text, used);
    _exit(CLI_FAILED);
}

static void on_bus(int number, siginfo_t *info, void *context)
{
    (void)context;
    const char *path = vc_file_mapped_at(info->si_addr);
    if (path)
        end_with("", path, ": became shorter while it was read");
    signal(number, SIG_DFL); /* a bug, or a broken machine: once more, to be seen as that */
}

/* Called by C++'s operator new, which oneDNN uses, instead of an exception through C. */
static void on_no_memory(void)
{
    end_with("out of memory in a library", "", "");
}

/* A library that was refused memory may go on without. That, and not a bug, is taken for the reason
 * if there is none to be had now; else the signal comes once more, to be seen as what it is. */
static void on_crash(int number)
{
    const size_t bytes = (size_t)64 << 20;
    void *probe = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        on_no_memory();
    munmap(probe, bytes);
    signal(number, SIG_DFL);
}

void cli_catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    signal(SIGXFSZ, SIG_IGN); /* a file beyond its limit is then an error, as a full disk is */
    void *(*set_new_handler)(void (*)(void));
    void *symbol = dlsym(RTLD_DEFAULT, "_ZSt15set_new_handlerPFvvE");
    memcpy(&set_new_handler, &symbol, sizeof symbol);
    if (symbol)
        set_new_handler(on_no_memory);
}
