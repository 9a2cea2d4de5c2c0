#include "vitcod/json.h"

#include <string.h>

#include "vitcod/file.h"

vc_status vc_json_read(json_t **out, const char *path)
{
    json_error_t error;
    vc_mapped_file file;
    VC_TRY(vc_file_map(&file, path));
    *out = json_loadb((const char *)file.data, file.bytes, JSON_REJECT_DUPLICATES, &error);
    vc_file_unmap(&file);
    if (!*out)
        return vc_fail(VC_EFORMAT, "%s: line %d: %s", path, error.line, error.text);
    return VC_OK;
}

static vc_status write(const char *path, const json_t *value, size_t digits)
{
    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, path));
    if (json_dumpf(value, writer.stream, JSON_INDENT(2) | JSON_REAL_PRECISION(digits)) != 0) {
        vc_file_write_abort(&writer);
        return vc_fail(VC_EIO, "%s: cannot write the JSON", path);
    }
    fputc('\n', writer.stream);
    return vc_file_write_commit(&writer);
}

vc_status vc_json_write(const char *path, const json_t *value)
{
    return write(path, value, 10);
}

vc_status vc_json_write_exact(const char *path, const json_t *value)
{
    return write(path, value, 17);
}
