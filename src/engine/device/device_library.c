/* Libraries that are opened when a device is asked for. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"

void *vc__device_library(const char *variable, const char *const *names)
{
    const char *given = getenv(variable);
    void *library = NULL;
    if (given && *given)
        return dlopen(given, RTLD_NOW | RTLD_NODELETE);
    for (size_t i = 0; !library && names[i]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_NODELETE);
    return library;
}

int vc__device_symbol(void *library, void *out, const char *name)
{
    void *symbol = dlsym(library, name);
    memcpy(out, &symbol, sizeof symbol);
    return symbol != NULL;
}
