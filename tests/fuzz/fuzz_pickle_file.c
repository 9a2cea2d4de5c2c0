#include "fuzzing.h"

#include "vitcod/pickle_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_pickle_file *file;
    const uint8_t *bytes;
    size_t rows, columns;
    unsigned sum = 0;
    if (vc_pickle_file_open(&file, fuzz_path(data, size)) != VC_OK)
        return 0;
    if (vc_pickle_file_bytes(&bytes, &rows, &columns, file, "data") == VC_OK)
        for (size_t i = 0; i < rows * columns; i++)
            sum += bytes[i];
    for (size_t i = 0; i < vc_pickle_file_count(file, "labels"); i++) {
        int64_t label;
        const char *text;
        sum += vc_pickle_file_integer(&label, file, "labels", i) == VC_OK;
        if (vc_pickle_file_text(&text, file, "labels", i) == VC_OK)
            sum += (unsigned char)text[0];
    }
    vc_pickle_file_close(file);
    volatile unsigned kept = sum; /* so that all is read */
    (void)kept;
    return 0;
}
