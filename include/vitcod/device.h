/* The devices that an engine can run on, as `vitcod devices` lists them. */
#ifndef VITCOD_DEVICE_H
#define VITCOD_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vitcod/backend.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_device_info { /* released by free */
    const char *backend;        /* its row's name */
    size_t index;               /* among the devices of the backend */
    char name[128], vendor[128], driver[128];
    const char *kind;                     /* "cpu", "gpu" or "other" */
    uint64_t memory_bytes, largest_bytes; /* of all buffers, of one; 0: not known */
    uint64_t local_bytes;                 /* of a work-group */
    size_t units;                         /* cores, or the device's units */
    char bus[32];         /* where it is on the host's bus, as NVML wants it; "": not known */
    const char *products; /* the library of its products; "plain": none */
} vc_device_info;
extern const vc_record vc_device_info_record;

/* A backend that has no device here, and why. */
typedef struct vc_device_absence {
    const char *backend;
    char why[512];
} vc_device_absence;
extern const vc_record vc_device_absence_record;

typedef struct vc_device_list {
    vc_device_info *devices;
    size_t count;
    vc_device_absence *absences;
    size_t absence_count;
} vc_device_list;

/* Every backend's devices; one without any is no error. */
vc_status vc_device_list_open(vc_device_list *out);
void vc_device_list_close(vc_device_list *list);

/* The backend and the device that "cpu", "opencl" or "cuda:1" names; VC_EINVAL for no such name or
 * number. Whether there is such a device is seen when an engine is opened. */
vc_status vc_device_find(const vc_backend **backend, size_t *index, const char *name);

#ifdef __cplusplus
}
#endif

#endif
