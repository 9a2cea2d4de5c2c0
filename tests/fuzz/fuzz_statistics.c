/* What attention and calibrate average and measure, as a file. */
#include "fuzzing.h"
#include "vitcod/statistics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_statistics s;
    json_t *none = json_object();
    const char *path = fuzz_path(data, size);
    if (vc_statistics_read(&s, path, NULL) == VC_OK) {
        const vc_maps *m = &s.maps[0];
        float sum = 0.0f;
        for (size_t i = 0; i < m->layers * m->heads * m->queries * m->keys; i++)
            sum += m->values[i];
        (void)*(const volatile float *)&sum;
        if (vc_statistics_write("/dev/null", &s, NULL) != VC_OK)
            abort();
        vc_statistics_close(&s);
    }
    if (vc_statistics_read(&s, path, none) == VC_OK) /* a run that is not done */
        vc_statistics_close(&s);
    json_decref(none);
    return 0;
}
