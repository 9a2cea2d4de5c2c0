/* How a test finds the stubs of devices. */
#ifndef VC_TEST_FIND_STUB_H
#define VC_TEST_FIND_STUB_H

#include <dlfcn.h>
#include <unistd.h>

#include "device_stub.h"
#include "testing.h"

/* The library lies beside this program; the variables are set to its name. */
static inline device_stub *device_stub_find(const char *const *variables, size_t count)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    assert_true(length > 0);
    path[length] = '\0';
    strcpy(strrchr(path, '/'), "/device_stub.so");
    for (size_t i = 0; i < count; i++)
        setenv(variables[i], path, 1);
    void *library = dlopen(path, RTLD_NOW | RTLD_NODELETE);
    assert_non_null(library);
    device_stub_get *get;
    void *symbol = dlsym(library, "device_stub_state");
    memcpy(&get, &symbol, sizeof get);
    return get();
}

#endif
