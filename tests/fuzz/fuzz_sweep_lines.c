/* The lines that a sweep goes on from, behind its header or, with an even first byte, instead of
 * it. What is taken for points once is taken for the same ones when it is opened again. */
#include "fuzzed_folder.h"

#include "../../src/explore/sweep_impl.h"

static const char space[] = "axes: {model: deit_tiny_patch16_224, lines: [16, 32, 64]}\n";

/* Opened once. */
static const vc_sweep *sweep_of_three(void)
{
    static vc_sweep *sweep;
    if (!sweep &&
        vc_sweep_open(&sweep,
                      fuzz_folder_file("space.yaml", (const uint8_t *)space, sizeof space - 1),
                      0) != VC_OK)
        abort();
    return sweep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const vc_sweep *sweep = sweep_of_three();
    vc__sweep_file file;
    json_t *pareto, *header = vc__sweep_header(sweep, "fuzz");
    char *text = vc_json_dump(header, JSON_COMPACT);
    const size_t begins = data[0] & 1 ? strlen(text) + 1 : 0;
    uint8_t *all = malloc(begins + size + 1);
    if (!all)
        abort();
    memcpy(all, text, begins);
    if (begins > 0)
        all[begins - 1] = '\n';
    memcpy(all + begins, data + 1, size - 1);
    const char *path = fuzz_folder_file("lines.jsonl", all, begins + size - 1);
    if (vc__sweep_file_open(&file, path, "fuzz", sweep) == VC_OK) {
        const uint64_t count = file.count, impossible = file.impossible;
        vc__sweep_file_close(&file);
        if (count > vc_sweep_points(sweep) || impossible > count)
            abort();
        if (vc__sweep_file_open(&file, path, "fuzz", sweep) != VC_OK || file.count != count)
            abort();
        vc__sweep_file_close(&file);
    }
    if (vc_sweep_pareto(&pareto, path) == VC_OK)
        json_decref(pareto);
    free(all);
    free(text);
    json_decref(header);
    return 0;
}
