/* NVRTC, which takes every source for machine code, and NVML. */
#include "stub_impl.h"

int nvrtcVersion(int *major, int *minor);
int nvrtcVersion(int *major, int *minor)
{
    *major = 12;
    *minor = 4;
    return 0;
}

int nvrtcCreateProgram(void **out, const char *source, const char *name, int count,
                       const char *const *headers, const char *const *names);
int nvrtcCreateProgram(void **out, const char *source, const char *name, int count,
                       const char *const *headers, const char *const *names)
{
    STUB_CALLED(1);
    if (!name || count != 0 || headers || names)
        stub_fault(__func__, "headers");
    object *made = stub_make(PROGRAM, strlen(source) + 1);
    strcpy(made->at, source);
    *out = made;
    return 0;
}

int nvrtcDestroyProgram(void **program);
int nvrtcDestroyProgram(void **program)
{
    stub_release(*program, PROGRAM, __func__);
    return 0;
}

static const int known[] = {53, 72, 87, 90};

/* The newest that it knows and the device runs. */
static int best_known(void)
{
    int best = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        best = known[i] <= stub_state.architecture ? known[i] : best;
    return best;
}

int nvrtcCompileProgram(void *program, int count, const char *const *options);
int nvrtcCompileProgram(void *program, int count, const char *const *options)
{
    STUB_CALLED(6);
    stub_state.compilations++;
    stub_find(program, PROGRAM, __func__);
    char wanted[48];
    snprintf(wanted, sizeof wanted, "--gpu-architecture=%s_%d",
             best_known() == stub_state.architecture ? "sm" : "compute", best_known());
    if (count < 1 || strcmp(options[0], wanted) != 0)
        stub_fault(__func__, count < 1 ? "no options" : options[0]);
    return 0;
}

static const char log_text[] = "vitcod.cu(7): error: as the test wants it";

int nvrtcGetProgramLogSize(void *program, size_t *out);
int nvrtcGetProgramLogSize(void *program, size_t *out)
{
    stub_find(program, PROGRAM, __func__);
    *out = sizeof log_text;
    return 0;
}

int nvrtcGetProgramLog(void *program, char *out);
int nvrtcGetProgramLog(void *program, char *out)
{
    stub_find(program, PROGRAM, __func__);
    memcpy(out, log_text, sizeof log_text);
    return 0;
}

int nvrtcGetNumSupportedArchs(int *out);
int nvrtcGetNumSupportedArchs(int *out)
{
    *out = sizeof known / sizeof *known;
    return 0;
}

int nvrtcGetSupportedArchs(int *out);
int nvrtcGetSupportedArchs(int *out)
{
    memcpy(out, known, sizeof known);
    return 0;
}

int nvrtcGetCUBINSize(void *program, size_t *out);
int nvrtcGetCUBINSize(void *program, size_t *out)
{
    STUB_CALLED(1);
    const object *p = stub_find(program, PROGRAM, __func__);
    *out = p ? p->bytes : 0;
    return 0;
}

int nvrtcGetCUBIN(void *program, char *out);
int nvrtcGetCUBIN(void *program, char *out)
{
    STUB_CALLED(1);
    const object *p = stub_find(program, PROGRAM, __func__);
    if (p)
        memcpy(out, p->at, p->bytes);
    return 0;
}

/* Text, with the zero at its end. */
int nvrtcGetPTXSize(void *program, size_t *out);
int nvrtcGetPTXSize(void *program, size_t *out)
{
    if (best_known() == stub_state.architecture)
        stub_fault(__func__, "machine code was to be had");
    return nvrtcGetCUBINSize(program, out);
}

int nvrtcGetPTX(void *program, char *out);
int nvrtcGetPTX(void *program, char *out)
{
    return nvrtcGetCUBIN(program, out);
}

/* ---- NVML: two watts, by both of its ways */

int nvmlInit_v2(void);
int nvmlInit_v2(void)
{
    stub_state.live++;
    return 0;
}

int nvmlShutdown(void);
int nvmlShutdown(void)
{
    stub_state.live--;
    return 0;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **out);
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **out)
{
    *out = &stub_state;
    return strcmp(bus, "0000:00:00.0") == 0 ? 0 : 6;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *out);
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *out)
{
    static unsigned long long counted = 1000;
    if (device != &stub_state)
        stub_fault(__func__, "no such device");
    *out = counted += 500;
    return stub_state.old ? 3 : 0;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *out);
int nvmlDeviceGetPowerUsage(void *device, unsigned *out)
{
    if (device != &stub_state)
        stub_fault(__func__, "no such device");
    *out = 2000;
    return 0;
}
