/* What was made and not released, for the stubs of devices' libraries. */
#include "stub_impl.h"

device_stub stub_state = {.memory_bytes = (size_t)1 << 30,
                          .local_bytes = 49152,
                          .devices = 1,
                          .architecture = 87,
                          .lanes = 256,
                          .driver = 12040};
object *stub_objects;

device_stub *device_stub_state(void);
device_stub *device_stub_state(void)
{
    return &stub_state;
}

void stub_fault(const char *where, const char *what)
{
    if (!stub_state.fault[0])
        snprintf(stub_state.fault, sizeof stub_state.fault, "%s: %s", where, what);
}

int stub_fails(const char *name)
{
    stub_state.calls++;
    if (stub_state.lost && stub_state.failed)
        return 1;
    if (stub_state.calls != stub_state.fail_at)
        return 0;
    stub_state.failed = name;
    stub_state.failed_recording = stub_state.recording;
    return 1;
}

object *stub_make(kind of, size_t bytes)
{
    object *made = calloc(1, sizeof *made);
    made->of = of;
    made->bytes = bytes;
    made->at = calloc(bytes + 1, 1);
    made->next = stub_objects;
    stub_objects = made;
    stub_state.live += of != FUNCTION;
    return made;
}

object *stub_find(const void *handle, kind of, const char *where)
{
    for (object *o = stub_objects; o; o = o->next)
        if ((o == handle || (of == MEMORY && o->at == handle)) && o->of == of)
            return o;
    stub_fault(where, "what it is given was not made, or is released");
    return NULL;
}

void stub_drop(object *gone)
{
    for (object **o = &stub_objects; *o; o = &(*o)->next)
        if (*o == gone) {
            *o = gone->next;
            stub_state.live -= gone->of != FUNCTION;
            free(gone->at);
            free(gone);
            return;
        }
}

void stub_release(const void *handle, kind of, const char *where)
{
    object *o = stub_find(handle, of, where);
    if (o)
        stub_drop(o);
}

void stub_check_range(uint64_t at, size_t bytes, const char *where)
{
    for (object *o = stub_objects; o; o = o->next)
        if (o->of == MEMORY && at >= (uint64_t)(uintptr_t)o->at &&
            at + bytes <= (uint64_t)(uintptr_t)o->at + o->bytes)
            return;
    stub_fault(where, "not in the device's memory");
}

const char *stub_parameters(const char *source, const char *kernel)
{
    char text[128];
    snprintf(text, sizeof text, "KERNEL(LANES) void %s(", kernel);
    const char *at = strstr(source, text);
    return at ? at + strlen(text) : NULL;
}
