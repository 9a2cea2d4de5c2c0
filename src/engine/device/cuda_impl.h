/* Shared by the files of the CUDA runtime. Nothing of CUDA is needed to build: its libraries are
 * opened when a device is asked for, and what is called of them is declared here. */
#ifndef VC_CUDA_IMPL_H
#define VC_CUDA_IMPL_H

#include "device_impl.h"

typedef int vc__cu_result; /* 0: done */
typedef uint64_t vc__cu_pointer;

/* The driver: name, what it takes. Handles are pointers to nothing that is known. */
#define VC__CU_MAP(X)                                                                              \
    X(cuInit, (unsigned flags))                                                                    \
    X(cuDriverGetVersion, (int *out))                                                              \
    X(cuGetErrorString, (vc__cu_result error, const char **out))                                   \
    X(cuDeviceGetCount, (int *out))                                                                \
    X(cuDeviceGet, (int *out, int index))                                                          \
    X(cuDeviceGetName, (char *out, int room, int device))                                          \
    X(cuDeviceGetPCIBusId, (char *out, int room, int device))                                      \
    X(cuDeviceTotalMem_v2, (size_t * out, int device))                                             \
    X(cuDeviceGetAttribute, (int *out, int attribute, int device))                                 \
    X(cuDevicePrimaryCtxRetain, (void **out, int device))                                          \
    X(cuDevicePrimaryCtxRelease_v2, (int device))                                                  \
    X(cuCtxSetCurrent, (void *context))                                                            \
    X(cuStreamCreate, (void **out, unsigned flags))                                                \
    X(cuStreamDestroy_v2, (void *stream))                                                          \
    X(cuStreamSynchronize, (void *stream))                                                         \
    X(cuMemAlloc_v2, (vc__cu_pointer * out, size_t bytes))                                         \
    X(cuMemFree_v2, (vc__cu_pointer memory))                                                       \
    X(cuMemcpyHtoDAsync_v2, (vc__cu_pointer to, const void *from, size_t bytes, void *stream))     \
    X(cuMemcpyDtoHAsync_v2, (void *to, vc__cu_pointer from, size_t bytes, void *stream))           \
    X(cuModuleLoadData, (void **out, const void *image))                                           \
    X(cuModuleUnload, (void *module))                                                              \
    X(cuModuleGetFunction, (void **out, void *module, const char *name))                           \
    X(cuLaunchKernel, (void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,          \
                       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,      \
                       void *stream, void **arguments, void **extra))                              \
    X(cuEventCreate, (void **out, unsigned flags))                                                 \
    X(cuEventDestroy_v2, (void *event))                                                            \
    X(cuEventRecord, (void *event, void *stream))                                                  \
    X(cuEventElapsedTime, (float *milliseconds, void *from, void *to))

typedef struct vc__cu {
#define VC__CU_MEMBER(name, arguments) vc__cu_result(*name) arguments;
    VC__CU_MAP(VC__CU_MEMBER)
#undef VC__CU_MEMBER
} vc__cu;

/* What a driver of CUDA 11.4 or newer has besides. */
#define VC__CU_GRAPH_MAP(X)                                                                        \
    X(cuStreamBeginCapture_v2, (void *stream, int mode))                                           \
    X(cuStreamEndCapture, (void *stream, void **graph))                                            \
    X(cuGraphInstantiateWithFlags, (void **out, void *graph, unsigned long long flags))            \
    X(cuGraphLaunch, (void *graph, void *stream))                                                  \
    X(cuGraphExecDestroy, (void *graph))                                                           \
    X(cuGraphDestroy, (void *graph))

typedef struct vc__cu_graph_calls {
#define VC__CU_GRAPH_MEMBER(name, arguments) vc__cu_result(*name) arguments;
    VC__CU_GRAPH_MAP(VC__CU_GRAPH_MEMBER)
#undef VC__CU_GRAPH_MEMBER
} vc__cu_graph_calls;

/* cuBLASLt, as its header has it. */
#define VC__BLASLT_MAP(X)                                                                          \
    X(cublasLtCreate, (void **out))                                                                \
    X(cublasLtDestroy, (void *handle))                                                             \
    X(cublasLtMatmulDescCreate, (void **out, int compute, int scale))                              \
    X(cublasLtMatmulDescDestroy, (void *desc))                                                     \
    X(cublasLtMatmulDescSetAttribute, (void *desc, int attribute, const void *value, size_t size)) \
    X(cublasLtMatrixLayoutCreate,                                                                  \
      (void **out, int type, uint64_t rows, uint64_t columns, int64_t stride))                     \
    X(cublasLtMatrixLayoutDestroy, (void *layout))                                                 \
    X(cublasLtMatmulPreferenceCreate, (void **out))                                                \
    X(cublasLtMatmulPreferenceDestroy, (void *preference))                                         \
    X(cublasLtMatmulPreferenceSetAttribute,                                                        \
      (void *preference, int attribute, const void *value, size_t size))                           \
    X(cublasLtMatmulAlgoGetHeuristic,                                                              \
      (void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int wanted, \
       void *results, int *found))                                                                 \
    X(cublasLtMatmul,                                                                              \
      (void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b,  \
       void *b_layout, const void *beta, const void *c, void *c_layout, void *d, void *d_layout,   \
       const void *algorithm, void *workspace, size_t workspace_bytes, void *stream))

typedef struct vc__blaslt {
#define VC__BLASLT_MEMBER(name, arguments) int(*name) arguments;
    VC__BLASLT_MAP(VC__BLASLT_MEMBER)
#undef VC__BLASLT_MEMBER
} vc__blaslt;

typedef struct vc__cu_algorithm { /* cublasLtMatmulHeuristicResult_t */
    uint64_t algorithm[8];
    size_t workspace_bytes;
    int state;
    float waves;
    int reserved[4];
} vc__cu_algorithm;

/* A product of one size, made ready. */
typedef struct vc__cu_product {
    size_t rows, inputs, outputs;
    vc_precision precision;
    void *desc, *a, *b, *c;
    vc__cu_algorithm how;
} vc__cu_product;

typedef struct vc__cu_queue {
    vc__cu cu;
    vc__blaslt blaslt;
    void *blaslt_handle; /* NULL: no library */
    vc__cu_product *products;
    size_t product_count;
    vc__cu_pointer workspace;
    vc_device_info info;
    int device, architecture; /* 87 of sm_87 */
    int driver;               /* the CUDA that it knows: 12040 of 12.4 */
    void *context, *stream;
    vc__cu_graph_calls graph_calls;
    int records; /* 1: graphs are to be had */
    void **graphs;
    size_t graph_count;
    void **modules;
    size_t module_count;
    int timing;
    void **events; /* one at each mark */
    size_t *marks; /* the operators that begin there */
    size_t mark_count, event_count;
} vc__cu_queue;

/* Opens the driver; VC_EUNSUPPORTED, and why. `library` may be NULL: not wanted. */
vc_status vc__cu_load(vc__cu *out, void **library);
vc_status vc__cu_describe(vc_device_info *out, int *architecture, const vc__cu *cu, int index);
/* Opens the file that a variable of the environment names, or `stem` and the first of some versions
 * that is there. Those of a newer CUDA than the driver's come last: it may refuse what they make.
 * driver: as cuDriverGetVersion tells it; 0: unknown. */
void *vc__cu_library(const char *variable, const char *stem, const char *const *versions,
                     int driver);
/* The order in which they are tried: out has room for as many, and NULL behind them. */
void vc__cu_order(const char **out, const char *const *versions, int driver);
vc_status vc__cu_fail(const vc__cu_queue *q, vc__cu_result error, const char *what);
/* Makes the queue's context this thread's. */
vc_status vc__cu_enter(const vc__cu_queue *q);

/* Compiles sources with NVRTC to machine code of an architecture, or to PTX where NVRTC does not
 * know it; *image is to be freed. A refusal has the log. driver: as in vc__cu_library. */
vc_status vc__cu_compile(void **image, size_t *bytes, const char *const *sources, size_t count,
                         const char *defines, int architecture, int driver);
/* What vc__cu_keep put into the user's cache under a key, a copy that ends in a zero; 0: it has
 * none, or not what was put there, or another user may write it. */
int vc__cu_kept(void **image, size_t *bytes, const char *key);
void vc__cu_keep(const void *image, size_t bytes, const char *key);
/* VC_EUNSUPPORTED where NVRTC is missing. */
vc_status vc__cu_compiler_version(int *major, int *minor, int driver);

/* Finds cuBLASLt's functions; *there is 0 where it is missing and not asked for, or not wanted. */
vc_status vc__cu_products_find(vc__blaslt *out, int *there, int driver);
/* Opens cuBLASLt, if it is there. */
vc_status vc__cu_products_open(vc__cu_queue *q);
void vc__cu_products_close(vc__cu_queue *q);
int vc__cu_multiplies(void *queue, vc_precision precision);
vc_status vc__cu_multiply(void *queue, const vc__multiplication *m);

/* Finds what graphs need, unless VC_GRAPHS is none. VC_EINVAL for another word. */
vc_status vc__cu_graphs_find(vc__cu_queue *q, void *library);
void vc__cu_graphs_close(vc__cu_queue *q);
int vc__cu_records(const void *queue);
vc_status vc__cu_record(void *queue);
vc_status vc__cu_recorded(void **out, void *queue);
vc_status vc__cu_replay(void *queue, void *graph);

vc_status vc__cu_timing(void *queue, int on);
vc_status vc__cu_mark(void *queue, size_t op);
size_t vc__cu_spans(const void *queue);
size_t vc__cu_span_at(vc__span *out, const void *queue, size_t index);
void vc__cu_times_close(vc__cu_queue *q);

#endif
