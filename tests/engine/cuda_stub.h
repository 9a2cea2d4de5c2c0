/* What tests ask of cuda_stub.c: a driver of CUDA, NVRTC and cuBLASLt in one library, which check
 * how they are called and run nothing. */
#ifndef VC_TEST_CUDA_STUB_H
#define VC_TEST_CUDA_STUB_H

#include <stddef.h>

typedef struct cuda_stub {
    size_t memory_bytes, local_bytes; /* of the device that it shows */
    int old;                          /* 1: NVML counts no energy, but tells power */
    int devices, architecture;        /* architecture: 87 of sm_87 */
    /* The call of this number (from 1) fails; 0: none does. `failed` is the name of what did. */
    size_t fail_at;
    const char *failed;
    size_t calls, launches, multiplications, replays, writes, reads;
    size_t live;     /* objects that were made and not released */
    size_t queued;   /* copies that were queued and not waited for */
    char fault[512]; /* the first wrong call; empty: none */
} cuda_stub;

/* The one there is: found by dlsym as "cuda_stub_state". */
typedef cuda_stub *cuda_stub_get(void);

#endif
