/* Times that were measured elsewhere: TensorRT's layers, PyTorch's trace, results of bench and
 * profile. The first byte is how many images a run had. */
#include "fuzzing.h"

#include <math.h>

#include "vitcod/measured.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_measured times;
    double shares = 0.0;
    if (size < 1 || vc_measured_read(&times, fuzz_path(data + 1, size - 1), data[0] % 4) != VC_OK)
        return 0;
    if (!isfinite(times.end_to_end_us) || times.end_to_end_us <= 0.0 ||
        times.class_count > VC_MEASURED_CLASSES)
        abort();
    for (size_t c = 0; c < times.class_count; c++)
        shares += times.classes[c].share;
    if (times.class_count > 0 && fabs(shares - 1.0) > 1e-9)
        abort();
    vc_measured_close(&times);
    return 0;
}
