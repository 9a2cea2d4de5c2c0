/* A log that a run goes on with: what stays of it is a beginning of it in whole lines, and the new
 * line follows; written again, it takes its own place. */
#include "fuzzed_folder.h"

#include "vitcod/train_log.h"

static size_t write_line(char *out, size_t room, const char *path)
{
    const vc_group_report report = {.epoch = 2, .step = 3, .steps = 9};
    const vc_train_line line = vc_train_line_of_group(&report, 0);
    vc_train_log log = {.path = path, .append = 1};
    if (vc_train_log_write(&log, &line) != VC_OK)
        abort();
    vc_train_log_close(&log);
    FILE *file = fopen(path, "rb");
    const size_t bytes = file ? fread(out, 1, room, file) : 0;
    if (file)
        fclose(file);
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ROOM = 1 << 17, LINE = 4096 };
    static char once[ROOM], twice[ROOM];
    if (size > ROOM - LINE)
        return 0;
    const char *path = fuzz_folder_file("log.jsonl", data, size);
    const size_t bytes = write_line(once, ROOM, path);
    const char *last = bytes > 1 ? memrchr(once, '\n', bytes - 1) : NULL;
    const size_t kept = last ? (size_t)(last - once) + 1 : 0;
    if (bytes == 0 || kept > size || memcmp(once, data, kept) != 0)
        abort();
    if (write_line(twice, ROOM, path) != bytes || memcmp(once, twice, bytes) != 0)
        abort();
    return 0;
}
