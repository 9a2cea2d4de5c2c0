#include "fuzzing.h"
#include "vitcod/yaml.h"

/* libfyaml 0.7 itself loses a little memory on some tags. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

typedef struct thing {
    uint64_t count;
    double number;
    int flag, words[2];
    char text[16];
} thing;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"a", "b", NULL};
    static const vc_yaml_field fields[] = {
        {.key = "count",
         .kind = VC_YAML_COUNT,
         .offset = offsetof(thing, count),
         .unit = VC_UNIT_BYTES,
         .most = 1e9},
        {.key = "number", .kind = VC_YAML_NUMBER, .offset = offsetof(thing, number), .most = 1e9},
        {.key = "flag", .kind = VC_YAML_FLAG, .offset = offsetof(thing, flag), .optional = 1},
        {.key = "text", .kind = VC_YAML_TEXT, .offset = offsetof(thing, text), .room = 16},
        {.key = "words",
         .kind = VC_YAML_WORDS,
         .offset = offsetof(thing, words),
         .words = words,
         .room = 2},
        {.key = "map", .kind = VC_YAML_MAP, .optional = 1},
    };
    vc_yaml *yaml;
    if (vc_yaml_open(&yaml, fuzz_path(data, size), VC_FILE_OTHER) == VC_OK) {
        thing t;
        const vc_yaml_map root = vc_yaml_root(yaml);
        if (vc_yaml_read(&t, &root, fields, sizeof fields / sizeof *fields) == VC_OK)
            (void)vc_yaml_sub(&root, "map");
        vc_yaml_close(yaml);
    }
    return 0;
}
