/* Several processes, where there are some and there is a module for them; else this one alone. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm_module.h"
#include "vitcod/version.h"

static const vc__comm_module *module; /* NULL: alone */

/* Launchers set these variables. Without the module each process would do the same work as the
 * others. */
static int launched_with_others(void)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *size = getenv(sizes[i]);
        if (size && atoi(size) > 1)
            return 1;
    }
    return 0;
}

static int launched(void)
{
    static const char *const others[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK",
                                         "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (getenv(others[i]))
            return 1;
    return 0;
}

/* Beside the program, as it is built, or where it is installed. */
static int find_module(char path[PATH_MAX])
{
    static const char *const places[] = {"", "../" VC_LIBDIR "/vitcod/"};
    char program[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return 0;
    program[length] = '\0';
    const int folder = (int)(strrchr(program, '/') + 1 - program);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const int used =
            snprintf(path, PATH_MAX, "%.*s%s" VC_COMM_FILE, folder, program, places[i]);
        if (used < PATH_MAX && access(path, R_OK) == 0)
            return 1;
    }
    return 0;
}

static vc_status open_module(const char *path)
{
    /* Global, since Open MPI opens parts of its own that want its names. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    const vc__comm_module *found = handle ? dlsym(handle, VC_COMM_SYMBOL) : NULL;
    if (!found)
        return vc_fail(VC_EIO, "%s cannot be opened: %s", path, dlerror());
    if (strcmp(found->version, VC_VERSION) != 0)
        return vc_fail(VC_EIO, "%s is of version %s, wanted " VC_VERSION, path, found->version);
    const char *failure = found->open();
    if (failure)
        return vc_fail(VC_EIO, "%s", failure);
    module = found;
    return VC_OK;
}

vc_status vc_comm_open(void)
{
    char path[PATH_MAX];
    if (!launched())
        return VC_OK;
    if (find_module(path))
        return open_module(path);
    if (launched_with_others())
        return vc_fail(VC_EINVAL,
                       "started as one of several processes, and there is no " VC_COMM_FILE
                       " (Debian: vitcod-mpi; built where Open MPI is)");
    return VC_OK;
}

void vc_comm_close(void)
{
    if (module)
        module->close();
    module = NULL;
}

int vc_comm_rank(void)
{
    return module ? module->rank() : 0;
}

int vc_comm_size(void)
{
    return module ? module->size() : 1;
}

void vc_comm_send(int to, const void *bytes, size_t count)
{
    if (module)
        module->send(to, bytes, count);
}

int vc_comm_receive(char **bytes, size_t *count, int wait)
{
    if (module)
        return module->receive(bytes, count, wait);
    *bytes = NULL;
    *count = 0;
    return -1;
}

void vc_comm_sum_begin(float *values, size_t count)
{
    if (module)
        module->sum_begin(values, count);
}

static vc_status judged(const char *failure)
{
    return failure ? vc_fail(VC_EIO, "%s", failure) : VC_OK;
}

vc_status vc_comm_sum_end(const volatile sig_atomic_t *interrupted)
{
    return module ? judged(module->sum_end(interrupted)) : VC_OK;
}

vc_status vc_comm_sum(double *values, size_t count, const volatile sig_atomic_t *interrupted)
{
    return module ? judged(module->sum(values, count, interrupted)) : VC_OK;
}

vc_status vc_comm_wait(void)
{
    double nothing = 0.0;
    return vc_comm_sum(&nothing, 1, NULL);
}

void vc_comm_add_in_order(float *total, const float *values, size_t count)
{
    for (size_t at = 0; at < count; at += VC_COMM_MOST) {
        const size_t some = count - at < VC_COMM_MOST ? count - at : VC_COMM_MOST;
        if (module)
            module->add_in_order(total + at, values + at, some);
        else
            for (size_t i = 0; i < some; i++)
                total[at + i] += values[at + i];
    }
}

void vc_comm_complete(float *values, size_t count)
{
    for (size_t at = 0; module && at < count; at += VC_COMM_MOST)
        module->complete(values + at, count - at < VC_COMM_MOST ? count - at : VC_COMM_MOST);
}

void vc_comm_abort(void)
{
    if (module)
        module->abort();
}
