/* The page of a run folder. The first byte says which of them it is. */
#include "fuzzed_folder.h"
#include "vitcod/run_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"result.json", "evaluation.json", "6-finetune.json",
                                        "train.jsonl", "sweep.jsonl",     "codesign.json"};
    const char *const paths[] = {fuzz_folder()};
    const vc_run_paths runs = {.paths = paths, .count = 1};
    size_t figures;
    if (size < 1)
        return 0;
    const char *file =
        fuzz_folder_file(names[data[0] % (sizeof names / sizeof *names)], data + 1, size - 1);
    (void)vc_run_folders_page("/dev/null", &runs, "vitcod report", &figures);
    unlink(file);
    return 0;
}
