/* Compiling kernels with NVRTC. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cuda_impl.h"
#include "vitcod/checksum.h"
#include "vitcod/hash.h"

#define NVRTC_MAP(X)                                                                               \
    X(nvrtcVersion, (int *major, int *minor))                                                      \
    X(nvrtcCreateProgram, (void **out, const char *source, const char *name, int count,            \
                           const char *const *headers, const char *const *names))                  \
    X(nvrtcDestroyProgram, (void **program))                                                       \
    X(nvrtcCompileProgram, (void *program, int count, const char *const *options))                 \
    X(nvrtcGetProgramLogSize, (void *program, size_t *out))                                        \
    X(nvrtcGetProgramLog, (void *program, char *out))                                              \
    X(nvrtcGetNumSupportedArchs, (int *out))                                                       \
    X(nvrtcGetSupportedArchs, (int *out))                                                          \
    X(nvrtcGetCUBINSize, (void *program, size_t *out))                                             \
    X(nvrtcGetCUBIN, (void *program, char *out))                                                   \
    X(nvrtcGetPTXSize, (void *program, size_t *out))                                               \
    X(nvrtcGetPTX, (void *program, char *out))

typedef struct nvrtc {
#define NVRTC_MEMBER(name, arguments) int(*name) arguments;
    NVRTC_MAP(NVRTC_MEMBER)
#undef NVRTC_MEMBER
} nvrtc;

static vc_status load(nvrtc *out, int driver)
{
    static const char *const versions[] = {"13", "12", "11.2", NULL};
    static const char *const without[] = {"libnvrtc.so", NULL};
    void *library = vc__cu_library("VC_NVRTC", "libnvrtc.so", versions, driver);
    if (!library)
        library = vc__device_library("VC_NVRTC", without);
    if (!library)
        return vc_fail(VC_EUNSUPPORTED, "libnvrtc.so: CUDA's compiler is not there, wanted NVRTC "
                                        "11.2 or newer, or its file in VC_NVRTC");
#define NVRTC_FIND(name, arguments)                                                                \
    if (!vc__device_symbol(library, &out->name, #name))                                            \
        return vc_fail(VC_EUNSUPPORTED, "libnvrtc.so: has no '%s', wanted NVRTC 11.2 or newer",    \
                       #name);
    NVRTC_MAP(NVRTC_FIND)
#undef NVRTC_FIND
    return VC_OK;
}

vc_status vc__cu_compiler_version(int *major, int *minor, int driver)
{
    nvrtc n;
    VC_TRY(load(&n, driver));
    n.nvrtcVersion(major, minor);
    return VC_OK;
}

/* The newest architecture that NVRTC knows and the device runs; 0: none. */
static int best_known(const nvrtc *n, int architecture)
{
    int count = 0, best = 0;
    n->nvrtcGetNumSupportedArchs(&count);
    int *known = calloc((size_t)count + 1, sizeof *known);
    if (known)
        n->nvrtcGetSupportedArchs(known);
    for (int i = 0; known && i < count; i++)
        if (known[i] <= architecture && known[i] > best)
            best = known[i];
    free(known);
    return best;
}

static char *join(const char *const *sources, size_t count)
{
    size_t length = 1;
    for (size_t i = 0; i < count; i++)
        length += strlen(sources[i]);
    char *out = calloc(length, 1);
    for (size_t i = 0; out && i < count; i++)
        strcat(out, sources[i]);
    return out;
}

/* Splits "-DA=1 -DB=2" in place. */
static int split(const char **options, int most, char *defines)
{
    int count = 0;
    char *state = NULL;
    for (char *at = strtok_r(defines, " ", &state); at && count < most;
         at = strtok_r(NULL, " ", &state))
        options[count++] = at;
    return count;
}

static vc_status refuse(const nvrtc *n, void *program, int error, const char *target)
{
    size_t bytes = 0;
    n->nvrtcGetProgramLogSize(program, &bytes);
    char *log = calloc(bytes + 1, 1);
    if (log)
        n->nvrtcGetProgramLog(program, log);
    const vc_status status =
        vc_fail(VC_EUNSUPPORTED, "NVRTC refuses the kernels for %s, error %d: %s", target, error,
                log && log[0] ? log : "no log");
    free(log);
    return status;
}

static vc_status take(void **image, size_t *bytes, const nvrtc *n, void *program, int machine_code)
{
    int error =
        machine_code ? n->nvrtcGetCUBINSize(program, bytes) : n->nvrtcGetPTXSize(program, bytes);
    *image = error == 0 ? malloc(*bytes + 1) : NULL;
    if (*image)
        error = machine_code ? n->nvrtcGetCUBIN(program, *image) : n->nvrtcGetPTX(program, *image);
    if (*image && error == 0)
        return VC_OK;
    free(*image);
    *image = NULL;
    return error ? vc_fail(VC_EUNSUPPORTED, "NVRTC gives no code, error %d", error)
                 : vc_fail(VC_ENOMEM, "out of memory for %zu bytes of code", *bytes);
}

static vc_status compile(void **image, size_t *bytes, const nvrtc *n, const char *source,
                         const char *defines, int architecture)
{
    enum { MOST = 8 };
    const int known = best_known(n, architecture);
    char target[48], own[256];
    const char *options[MOST + 2] = {target, "--std=c++11"};
    void *program;
    if (known == 0)
        return vc_fail(VC_EUNSUPPORTED, "this NVRTC has nothing for sm_%d, wanted an older one",
                       architecture);
    /* Machine code of an older one need not run, as between sm_87, of Jetsons, and others of its
     * generation. An NVRTC that does not know the device is older than its driver, which takes the
     * PTX. */
    const int machine_code = known == architecture;
    snprintf(target, sizeof target, "--gpu-architecture=%s_%d", machine_code ? "sm" : "compute",
             known);
    snprintf(own, sizeof own, "%s", defines);
    const int count = 2 + split(options + 2, MOST, own);
    int error = n->nvrtcCreateProgram(&program, source, "vitcod.cu", 0, NULL, NULL);
    if (error != 0)
        return vc_fail(VC_EUNSUPPORTED, "NVRTC does not read the kernels, error %d", error);
    error = n->nvrtcCompileProgram(program, count, options);
    const vc_status status =
        error ? refuse(n, program, error, target) : take(image, bytes, n, program, machine_code);
    n->nvrtcDestroyProgram(&program);
    return status;
}

enum { KEY_ROOM = 768 };

/* All that machine code depends on: which NVRTC, for what, of which text. A newer file of NVRTC in
 * the same place may say the same version. 0: it has no room, or NVRTC's file is not known. */
static int make_key(char key[KEY_ROOM], const nvrtc *n, const char *source, const char *defines,
                    int architecture)
{
    int major = 0, minor = 0;
    Dl_info from = {0};
    struct stat file;
    void *function;
    memcpy(&function, &n->nvrtcVersion, sizeof function);
    n->nvrtcVersion(&major, &minor);
    if (!dladdr(function, &from) || !from.dli_fname || stat(from.dli_fname, &file) != 0)
        return 0;
    const size_t length = strlen(source);
    return snprintf(key, KEY_ROOM,
                    "NVRTC %d.%d of %s (%lld bytes of %lld.%09ld) for sm_%d, %s, %zu bytes %016llx "
                    "%08x",
                    major, minor, from.dli_fname, (long long)file.st_size,
                    (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec, architecture, defines,
                    length, (unsigned long long)vc_hash(VC_HASH_START, source, length),
                    (unsigned)vc_checksum(0, source, length)) < KEY_ROOM;
}

vc_status vc__cu_compile(void **image, size_t *bytes, const char *const *sources, size_t count,
                         const char *defines, int architecture, int driver)
{
    nvrtc n;
    *image = NULL;
    VC_TRY(load(&n, driver));
    char *source = join(sources, count);
    if (!source)
        return vc_fail(VC_ENOMEM, "out of memory");
    char key[KEY_ROOM];
    const int whole = make_key(key, &n, source, defines, architecture);
    vc_status status = VC_OK;
    if (!whole || !vc__cu_kept(image, bytes, key)) {
        status = compile(image, bytes, &n, source, defines, architecture);
        if (whole && status == VC_OK)
            vc__cu_keep(*image, *bytes, key);
    }
    free(source);
    return status;
}
