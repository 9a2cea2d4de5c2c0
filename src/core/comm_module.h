/* What takes part in several processes: a module of its own, which is opened when the program runs,
 * so that the program is the same with and without MPI. */
#ifndef VC_COMM_MODULE_H
#define VC_COMM_MODULE_H

#include "vitcod/comm.h"

#define VC_COMM_FILE "vitcod-mpi.so"
#define VC_COMM_SYMBOL "vc_comm_module_mpi"

enum { VC_COMM_MOST = 1 << 22 };

/* As vc_comm_*, but that failures are a sentence (NULL: none), since a module calls nothing of the
 * library. */
typedef struct vc__comm_module {
    const char *version; /* VC_VERSION, which must be the library's */
    const char *(*open)(void);
    void (*close)(void);
    int (*rank)(void), (*size)(void);
    void (*send)(int to, const void *bytes, size_t count);
    int (*receive)(char **bytes, size_t *count, int wait);
    void (*sum_begin)(float *values, size_t count);
    const char *(*sum_end)(const volatile sig_atomic_t *interrupted);
    const char *(*sum)(double *values, size_t count, const volatile sig_atomic_t *interrupted);
    /* Of at most VC_COMM_MOST values. */
    void (*add_in_order)(float *total, const float *values, size_t count);
    void (*complete)(float *values, size_t count);
    void (*abort)(void);
} vc__comm_module;

#endif
