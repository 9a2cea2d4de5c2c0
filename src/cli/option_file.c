#include "option_file.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "vitcod/yaml.h"

/* What a file says of one option. */
typedef struct value {
    uint64_t count;
    double number;
    int flag;
    char text[VC_YAML_TEXT_ROOM];
} value;

static const char *path_of(int argc, char **argv)
{
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            path = argv[i + 1];
        if (strncmp(argv[i], "--config=", 9) == 0)
            path = argv[i] + 9;
    }
    return path;
}

static vc_yaml_field field_of(const cli_option *option, size_t at)
{
    vc_yaml_field field = {.key = option->name, .optional = 1};
    const size_t start = at * sizeof(value);
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_OFF:
        field.kind = VC_YAML_FLAG;
        field.offset = start + offsetof(value, flag);
        break;
    case CLI_COUNT:
        field.kind = VC_YAML_COUNT;
        field.offset = start + offsetof(value, count);
        field.most = 9007199254740992.0; /* 2^53 */
        break;
    case CLI_NUMBER:
        field.kind = VC_YAML_NUMBER;
        field.offset = start + offsetof(value, number);
        field.least = -1e300;
        field.most = 1e300;
        break;
    case CLI_TEXT:
    case CLI_EXTENT:
    case CLI_WRITTEN:
    case CLI_STREAM:
        field.kind = VC_YAML_TEXT;
        field.offset = start + offsetof(value, text);
        field.room = VC_YAML_TEXT_ROOM;
        break;
    case CLI_TEXTS:
        assert(0 && "an option of a command that reads a file is given once");
    }
    return field;
}

/* An option that the file does not name has the value that was there before. */
static vc_status set_option(const cli_option *option, const value *v, const char *path)
{
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_OFF:
        if (v->flag >= 0)
            *(int *)option->target = option->kind == CLI_FLAG ? v->flag : !v->flag;
        break;
    case CLI_COUNT:
        if (v->count != UINT64_MAX)
            *(size_t *)option->target = v->count;
        break;
    case CLI_NUMBER:
        if (!isnan(v->number))
            *(double *)option->target = v->number;
        break;
    case CLI_TEXT:
    case CLI_WRITTEN:
    case CLI_STREAM:
        if (v->text[0])
            *(const char **)option->target = v->text;
        break;
    case CLI_EXTENT:
        if (v->text[0] && vc_extent_parse(option->target, v->text) != VC_OK)
            return vc_fail(VC_EINVAL, "%s: %s: %s", path, option->name, vc_last_error());
        break;
    case CLI_TEXTS:
        break;
    }
    return VC_OK;
}

static vc_status read_file(const cli_option *options, size_t count, const char *path)
{
    static value values[CLI_MOST_OPTIONS]; /* texts are used until the program ends */
    vc_yaml_field fields[CLI_MOST_OPTIONS];
    size_t known = 0;
    vc_yaml *file;
    for (size_t i = 0; i < count; i++) {
        values[i] = (value){.count = UINT64_MAX, .number = NAN, .flag = -1};
        if (strcmp(options[i].name, "config") != 0)
            fields[known++] = field_of(&options[i], i);
    }
    VC_TRY(vc_yaml_open(&file, path, VC_FILE_SETTINGS));
    const vc_yaml_map root = vc_yaml_root(file);
    const vc_status status = vc_yaml_read(values, &root, fields, known);
    vc_yaml_close(file);
    VC_TRY(status);
    for (size_t i = 0; i < count; i++)
        VC_TRY(set_option(&options[i], &values[i], path));
    return VC_OK;
}

int cli_read_option_file(const cli_option *options, size_t count, int argc, char **argv)
{
    const char *path = path_of(argc, argv);
    assert(count <= CLI_MOST_OPTIONS);
    if (!path)
        return CLI_CONTINUE;
    return read_file(options, count, path) == VC_OK ? CLI_CONTINUE : cli_fail();
}
