/* Energy by a stub of NVML (nvrtc_stub.c), and by files as those of an INA3221. */
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../engine/find_stub.h"
#include "testing.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"

static device_stub *stub;

static int find_stub(void **state)
{
    static const char *const variables[] = {"VC_NVML"};
    (void)state;
    stub = device_stub_find(variables, 1);
    setenv("VC_INA", "/proc/none", 1);
    return 0;
}

/* What two watts come to. */
static void check_power(const char *bus, const char *source)
{
    vc_energy *energy;
    const double start = vc_clock_seconds();
    assert_ok(vc_energy_open(&energy, bus));
    usleep(20000);
    assert_ok(vc_energy_sample(energy));
    assert_string_equal(vc_energy_source(energy), source);
    assert_true(vc_energy_joules(energy) >= 2.0 * 0.02);
    assert_true(vc_energy_joules(energy) <= 2.0 * (vc_clock_seconds() - start));
    vc_energy_close(energy);
    assert_int_equal(stub->live, 0);
}

static void by_nvml(void **state)
{
    vc_energy *energy;
    (void)state;
    assert_ok(vc_energy_open(&energy, "0000:00:00.0"));
    assert_ok(vc_energy_sample(energy));
    assert_string_equal(vc_energy_source(energy), "NVML's counter");
    assert_near(vc_energy_joules(energy), 1.0, 1e-9); /* two readings of half a joule each */
    vc_energy_close(energy);
    stub->old = 1;
    check_power("0000:00:00.0", "NVML's power");
    stub->old = 0;
    assert_fails(vc_energy_open(&energy, "0000:07:00.0"), VC_EUNSUPPORTED,
                 "neither NVML nor an INA3221");
    assert_int_equal(stub->live, 0);
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void by_the_board(void **state)
{
    static const char *const parts[] = {"/1-0040", "/hwmon", "/hwmon3"};
    char folder[4096];
    (void)state;
    snprintf(folder, sizeof folder, "%s", temporary("ina"));
    mkdir(folder, 0700);
    setenv("VC_INA", folder, 1);
    for (size_t i = 0; i < 3; i++) {
        strcat(folder, parts[i]);
        mkdir(folder, 0700);
    }
    put(folder, "in1_input", "9000\n");
    put(folder, "curr1_input", "9000\n");
    put(folder, "in2_input", "4000\n");
    put(folder, "in2_label", "VDD_IN\n");
    put(folder, "curr2_input", "500\n");
    check_power("", "the board's INA3221, channel 2 VDD_IN");
    /* Without the whole module's the first, which is told. */
    vc_energy *energy;
    put(folder, "in1_label", "VDD_GPU_SOC\n");
    put(folder, "in2_label", "VDD_CPU_CV\n");
    assert_ok(vc_energy_open(&energy, ""));
    assert_string_equal(vc_energy_source(energy), "the board's INA3221, channel 1 VDD_GPU_SOC");
    vc_energy_close(energy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_nvml), cmocka_unit_test(by_the_board)};
    return cmocka_run_group_tests(tests, find_stub, remove_temporary);
}
