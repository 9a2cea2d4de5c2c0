/* What calibrate's journal means, behind a checksum that is right. */
#include "fuzzed_folder.h"

#include "../../src/distill/journal.h"
#include "vitcod/checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    json_error_t error;
    json_t *journal, *whole = vc_json_parse((const char *)data, size, 0, &error);
    snprintf(path, sizeof path, "%s/journal.json", fuzz_folder());
    if (json_is_object(whole) && vc_json_write_sealed(path, whole) == VC_OK &&
        vc__journal_open(&journal, path, json_object_get(whole, "settings"), 1) == VC_OK) {
        vc_judgement before;
        vc_distilled done = {0};
        if (vc__journal_judgement(&before, json_object_get(journal, "before"), path) == VC_OK &&
            (before.part_count == 0 || before.part_count > VC_SOURCE_MOST_PARTS))
            abort();
        if (vc__journal_read(&done, journal, path) == VC_OK)
            for (size_t i = 0; i < done.epochs; i++) /* each takes the place of those behind it */
                if (vc__journal_add(journal, NULL, &done.log[done.epochs - 1 - i]) != VC_OK)
                    abort();
        vc_distilled_close(&done);
        json_decref(journal);
    }
    json_decref(whole);
    return 0;
}
