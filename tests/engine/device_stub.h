/* What tests ask of the stubs of devices: CUDA's driver, NVRTC, NVML, cuBLASLt and OpenCL in
 * one library, which check how they are called and run nothing. */
#ifndef VC_TEST_DEVICE_STUB_H
#define VC_TEST_DEVICE_STUB_H

#include <stddef.h>

typedef struct device_stub {
    size_t memory_bytes, local_bytes; /* of the device that it shows */
    int old;                          /* 1: NVML counts no energy, but tells power */
    int no_algorithm;                 /* 1: what cuBLASLt finds is none that runs */
    int devices, architecture;        /* architecture: 87 of sm_87 */
    size_t lanes;                     /* of a work-group at most, by OpenCL */
    int driver;                       /* 12040 of CUDA 12.4 */
    /* The call of this number (from 1) fails; 0: none does. `failed` is the name of what did. */
    size_t fail_at;
    const char *failed;
    int lost;                        /* 1: so do all after it, but what releases */
    int recording, failed_recording; /* 1: launches are kept, as they were when it failed */
    size_t calls, compilations, launches, multiplications, replays, writes, reads;
    size_t live;     /* objects that were made and not released */
    size_t queued;   /* copies that were queued and not waited for */
    char fault[512]; /* the first wrong call; empty: none */
} device_stub;

/* The one there is: found by dlsym as "device_stub_state". */
typedef device_stub *device_stub_get(void);

#endif
