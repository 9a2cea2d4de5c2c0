#include "vitcod/json.h"

#include <stdio.h>
#include <stdlib.h>
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

json_t *vc_json_text(const char *text)
{
    json_t *value = json_string(text);
    const size_t length = strlen(text);
    size_t used = 0;
    char *escaped = value ? NULL : malloc(4 * length + 1);
    if (!escaped)
        return value;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x80)
            escaped[used++] = text[i];
        else
            used += (size_t)snprintf(escaped + used, 5, "\\x%02x", (unsigned char)text[i]);
    escaped[used] = '\0';
    value = json_string(escaped);
    free(escaped);
    return value;
}

/* ---- settings */

/* The value as JSON text, which the caller frees. */
static char *text_of(const json_t *value)
{
    return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
}

/* Appends `name (was X, is Y)` for a setting that differs. */
static void compare(char *text, size_t room, const char *name, const json_t *was, const json_t *is)
{
    if (was && is && json_equal(was, is))
        return;
    char *before = text_of(was), *now = text_of(is);
    const size_t used = strlen(text);
    snprintf(text + used, room - used, "%s%s (was %s, is %s)", used ? ", " : "", name,
             before ? before : "not set", now ? now : "not set");
    free(before);
    free(now);
}

vc_status vc_json_check_settings(const json_t *was, const json_t *is, const char *path)
{
    char differences[1024] = "";
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)was, name, value)
        compare(differences, sizeof differences, name, value, json_object_get(is, name));
    json_object_foreach ((json_t *)is, name, value)
        if (!json_object_get(was, name))
            compare(differences, sizeof differences, name, NULL, value);
    if (differences[0] == '\0')
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: the run was begun with other settings: %s", path, differences);
}

double vc_json_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}
