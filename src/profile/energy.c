/* The energy that a device takes, by what counts it: NVIDIA's NVML, opened when it is asked for, or
 * the INA3221 of a Jetson's board, which Linux shows as files. */
#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/profile.h"

typedef struct nvml {
    int (*init)(void);
    int (*shutdown)(void);
    int (*find)(const char *bus, void **out);
    int (*energy)(void *device, unsigned long long *millijoules);
    int (*power)(void *device, unsigned *milliwatts);
} nvml;

struct vc_energy {
    nvml nvml;
    void *device;                      /* NULL: the board's sensor */
    int counts;                        /* 1: NVML counts; else power is added up over time */
    unsigned long long counted;        /* when it was opened */
    char voltage[1024], current[1024]; /* files: mV, mA */
    double joules, power, sampled;     /* power: of the last sample */
    char source[VC_ENERGY_SOURCE];
};

static int find_in(void *library, void *out, const char *name)
{
    void *symbol = dlsym(library, name);
    memcpy(out, &symbol, sizeof symbol);
    return symbol != NULL;
}

static vc_status open_nvml(vc_energy *e, const char *bus)
{
    static const char name[] = "libnvidia-ml.so.1";
    const char *given = getenv("VC_NVML");
    void *library = dlopen(given && *given ? given : name, RTLD_NOW | RTLD_NODELETE);
    if (!library)
        return vc_fail(VC_EUNSUPPORTED, "%s: is not there", name);
    if (!find_in(library, &e->nvml.init, "nvmlInit_v2") ||
        !find_in(library, &e->nvml.shutdown, "nvmlShutdown") ||
        !find_in(library, &e->nvml.find, "nvmlDeviceGetHandleByPciBusId_v2") ||
        !find_in(library, &e->nvml.energy, "nvmlDeviceGetTotalEnergyConsumption") ||
        !find_in(library, &e->nvml.power, "nvmlDeviceGetPowerUsage"))
        return vc_fail(VC_EUNSUPPORTED, "%s: lacks what counts energy", name);
    if (e->nvml.init() != 0)
        return vc_fail(VC_EUNSUPPORTED, "%s: does not start", name);
    unsigned milliwatts = 0;
    if (e->nvml.find(bus, &e->device) == 0) {
        e->counts = e->nvml.energy(e->device, &e->counted) == 0;
        snprintf(e->source, sizeof e->source, e->counts ? "NVML's counter" : "NVML's power");
        if (e->counts || e->nvml.power(e->device, &milliwatts) == 0)
            return VC_OK;
    }
    e->device = NULL;
    e->nvml.shutdown();
    return vc_fail(VC_EUNSUPPORTED, "%s: counts no energy of %s", name, bus);
}

static int read_text(char *out, int room, const char *path)
{
    FILE *file = fopen(path, "r");
    const int got = file && fgets(out, room, file);
    if (file)
        fclose(file);
    if (got)
        out[strcspn(out, "\n")] = '\0';
    return got;
}

/* The channel of the whole module, where one is called so, else the first. */
static void choose_channel(vc_energy *e, const glob_t *found)
{
    for (size_t i = 0; i < found->gl_pathc; i++) {
        const char *path = found->gl_pathv[i], *channel = strrchr(path, '/') + 3;
        char label[64] = "", other[1000];
        const int folder = (int)(strrchr(path, '/') - path), number = atoi(channel);
        snprintf(other, sizeof other, "%.*s/in%d_label", folder, path, number);
        const int whole = read_text(label, sizeof label, other) && strcmp(label, "VDD_IN") == 0;
        if (i > 0 && !whole)
            continue;
        snprintf(e->voltage, sizeof e->voltage, "%.1000s", path);
        snprintf(e->current, sizeof e->current, "%.*s/curr%d_input", folder, path, number);
        snprintf(e->source, sizeof e->source, "the board's INA3221, channel %d%s%s", number,
                 label[0] ? " " : "", label);
    }
}

static vc_status read_board(double *watts, const vc_energy *e)
{
    char volt[32], ampere[32];
    if (!read_text(volt, sizeof volt, e->voltage) || !read_text(ampere, sizeof ampere, e->current))
        return vc_fail(VC_EUNSUPPORTED, "%s: cannot be read", e->voltage);
    *watts = 1e-6 * atof(volt) * atof(ampere);
    return VC_OK;
}

static vc_status open_board(vc_energy *e)
{
    const char *given = getenv("VC_INA");
    char pattern[1024];
    glob_t found;
    double watts;
    snprintf(pattern, sizeof pattern, "%.900s/*/hwmon/hwmon*/in[1-3]_input",
             given && *given ? given : "/sys/bus/i2c/drivers/ina3221");
    if (glob(pattern, 0, NULL, &found) != 0)
        return vc_fail(VC_EUNSUPPORTED, "neither NVML nor an INA3221 counts this device's energy");
    choose_channel(e, &found);
    globfree(&found);
    return read_board(&watts, e);
}

vc_status vc_energy_open(vc_energy **out, const char *bus)
{
    vc_energy *e = calloc(1, sizeof *e);
    *out = NULL;
    if (!e)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_status status = bus && *bus ? open_nvml(e, bus) : VC_EUNSUPPORTED;
    if (status != VC_OK)
        status = open_board(e);
    if (status == VC_OK)
        status = vc_energy_sample(e);
    if (status != VC_OK) {
        vc_energy_close(e);
        return status;
    }
    e->joules = 0.0;
    *out = e;
    return VC_OK;
}

void vc_energy_close(vc_energy *e)
{
    if (e && e->device)
        e->nvml.shutdown();
    free(e);
}

const char *vc_energy_source(const vc_energy *e)
{
    return e->source;
}

vc_status vc_energy_sample(vc_energy *e)
{
    unsigned long long counted;
    unsigned milliwatts = 0;
    double watts = 0.0;
    const double now = vc_clock_seconds();
    if (e->counts) {
        if (e->nvml.energy(e->device, &counted) != 0)
            return vc_fail(VC_EUNSUPPORTED, "NVML counts no more energy");
        e->joules = 1e-3 * (double)(counted - e->counted);
        return VC_OK;
    }
    if (!e->device)
        VC_TRY(read_board(&watts, e));
    else if (e->nvml.power(e->device, &milliwatts) != 0)
        return vc_fail(VC_EUNSUPPORTED, "NVML tells no more power");
    else
        watts = 1e-3 * (double)milliwatts;
    if (e->sampled > 0.0)
        e->joules += 0.5 * (watts + e->power) * (now - e->sampled);
    e->power = watts;
    e->sampled = now;
    return VC_OK;
}

double vc_energy_joules(const vc_energy *e)
{
    return e->joules;
}
