/* The devices that there are, and how they are named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"

static const vc_field info_fields[] = {
    {VC_FIELD(vc_device_info, backend, "", "what runs it, as --device names it")},
    {VC_FIELD(vc_device_info, index, "", "its number there")},
    {VC_FIELD(vc_device_info, name, "", "as its driver calls it")},
    {VC_FIELD(vc_device_info, vendor, "", "who made it")},
    {VC_FIELD(vc_device_info, driver, "", "the version of its driver")},
    {VC_FIELD(vc_device_info, kind, "", "cpu, gpu or other")},
    {VC_FIELD(vc_device_info, memory_bytes, "byte", "memory for all buffers")},
    {VC_FIELD(vc_device_info, largest_bytes, "byte", "memory for one buffer")},
    {VC_FIELD(vc_device_info, local_bytes, "byte", "memory of a work-group")},
    {VC_FIELD(vc_device_info, units, "", "cores or multiprocessors")},
    {VC_FIELD(vc_device_info, bus, "", "its place on the host's bus"), VC_KNOWN},
    {VC_FIELD(vc_device_info, products, "", "library of its products; plain: none")},
};
const vc_record vc_device_info_record = VC_RECORD("device", vc_device_info, info_fields);

static const vc_field absence_fields[] = {
    {VC_FIELD(vc_device_absence, backend, "", "what has no device here")},
    {VC_FIELD(vc_device_absence, why, "", "what is missing")},
};
const vc_record vc_device_absence_record = VC_RECORD("absence", vc_device_absence, absence_fields);

static vc_status add_devices(vc_device_list *list, const vc_device_info *found, size_t count)
{
    vc_device_info *grown = realloc(list->devices, (list->count + count) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory for %zu devices", list->count + count);
    list->devices = grown;
    memcpy(grown + list->count, found, count * sizeof *grown);
    list->count += count;
    return VC_OK;
}

static vc_status add_absence(vc_device_list *list, const char *backend)
{
    vc_device_absence *grown = realloc(list->absences, (list->absence_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    list->absences = grown;
    vc_device_absence *made = &grown[list->absence_count++];
    made->backend = backend;
    snprintf(made->why, sizeof made->why, "%s", vc_last_error());
    return VC_OK;
}

static vc_status add_backend(vc_device_list *list, const vc_backend *backend)
{
    vc_device_info *found = NULL;
    size_t count = 0;
    vc_status status = backend->devices(&found, &count);
    if (status == VC_OK)
        status = add_devices(list, found, count);
    else if (status == VC_EUNSUPPORTED)
        status = add_absence(list, backend->name);
    free(found);
    return status;
}

vc_status vc_device_list_open(vc_device_list *out)
{
    const vc_backend *backend;
    vc_status status = VC_OK;
    *out = (vc_device_list){0};
    for (size_t i = 0; status == VC_OK && (backend = vc_backend_at(i)); i++)
        if (backend->devices)
            status = add_backend(out, backend);
    if (status != VC_OK)
        vc_device_list_close(out);
    return status;
}

void vc_device_list_close(vc_device_list *list)
{
    free(list->devices);
    free(list->absences);
    *list = (vc_device_list){0};
}

/* A number of few digits and nothing behind it. */
static int read_index(size_t *out, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 4 || text[digits])
        return 0;
    *out = (size_t)strtoul(text, NULL, 10);
    return 1;
}

vc_status vc_device_find(const vc_backend **out, size_t *index, const char *name)
{
    const vc_backend *backend;
    const size_t length = strcspn(name, ":");
    *index = 0;
    for (size_t i = 0; (backend = vc_backend_at(i)); i++) {
        if (strlen(backend->name) != length || strncmp(backend->name, name, length) != 0)
            continue;
        *out = backend;
        if (!name[length] || (backend != vc_backend_at(0) && read_index(index, name + length + 1)))
            return VC_OK;
    }
    return vc_fail(VC_EINVAL,
                   "there is no device '%s', wanted cpu, or opencl or cuda with or "
                   "without :N",
                   name);
}
