/* What things cost on a chip: a table in CSV or, with an odd first byte, in YAML; with its second
 * bit on top of another. */
#include "fuzzed_folder.h"

#include <math.h>

#include "../../src/sim/accelerator_impl.h"

/* libfyaml 0.7 itself loses a little memory on some tags. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_accelerator chip = vc_accelerator_default();
    if (size < 1)
        return 0;
    const char *path =
        fuzz_folder_file(data[0] & 1 ? "energy.yaml" : "energy.csv", data + 1, size - 1);
    vc_energy_table *t = &chip.energy;
    if (vc__energy_read_file(t, path, data[0] >> 1 & 1) != VC_OK)
        return 0;
    const double all[] = {t->mac_pj,         t->add_pj,      t->multiplication_pj,
                          t->exponential_pj, t->node_factor, t->leakage_mw_per_kib};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!isfinite(all[i]) || all[i] < 0.0)
            abort();
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        if (!(t->read_pj_per_byte[b] >= 0.0) || !(t->write_pj_per_byte[b] >= 0.0))
            abort();
    return 0;
}
