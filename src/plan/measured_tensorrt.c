/* Layers of TensorRT, by the names that timm's models have in ONNX files. */
#include <ctype.h>
#include <string.h>

#include "measured_impl.h"

enum { MOST_NAME = 1024 };

static void lower(char out[MOST_NAME], const char *name)
{
    size_t i = 0;
    for (; name[i] && i + 1 < MOST_NAME; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
}

/* The first row whose words are all in the name counts. */
static const struct {
    const char *words[2];
    int class;
} rules[] = {
    {{"foreignnode", ""}, VC_MEASURED_OTHER}, /* whole blocks as one */
    {{"softmax", ""}, VC_WORK_SOFTMAX},
    {{"attn/qkv", ""}, VC_WORK_QKV},
    {{"attn/proj", ""}, VC_WORK_PROJECTION},
    {{"mlp", "fc"}, VC_WORK_MLP},
    {{"attn", "matmul_1"}, VC_WORK_SV},
    {{"attn", "matmul"}, VC_WORK_QK},
    {{"mlp", "act"}, VC_MEASURED_ELEMENTWISE},
    {{"norm", ""}, VC_WORK_NORM},
    {{"patch_embed", ""}, VC_WORK_PATCH_EMBED},
    {{"head", ""}, VC_WORK_HEAD},
    {{"reshape", ""}, VC_WORK_RESHAPE},
    {{"transpose", ""}, VC_WORK_RESHAPE},
    {{"shuffle", ""}, VC_WORK_RESHAPE},
    {{"split", ""}, VC_WORK_RESHAPE},
    {{"slice", ""}, VC_WORK_RESHAPE},
    {{"gather", ""}, VC_WORK_RESHAPE},
    {{"concat", ""}, VC_WORK_RESHAPE},
    {{"copy", ""}, VC_WORK_RESHAPE},
    {{"reformat", ""}, VC_WORK_RESHAPE},
    {{"squeeze", ""}, VC_WORK_RESHAPE},
    {{"add", ""}, VC_MEASURED_ELEMENTWISE},
    {{"mul", ""}, VC_MEASURED_ELEMENTWISE},
    {{"gelu", ""}, VC_MEASURED_ELEMENTWISE},
    {{"erf", ""}, VC_MEASURED_ELEMENTWISE},
    {{"pointwise", ""}, VC_MEASURED_ELEMENTWISE},
};

static int class_of(const char *name)
{
    char text[MOST_NAME];
    lower(text, name);
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        if (strstr(text, rules[r].words[0]) && strstr(text, rules[r].words[1]))
            return rules[r].class;
    return VC_MEASURED_OTHER;
}

vc_status vc__times_of_tensorrt(vc__class_times *out, const json_t *layers, const char *path)
{
    size_t i;
    json_t *layer;
    json_array_foreach (layers, i, layer) {
        const char *name = json_string_value(json_object_get(layer, "name"));
        double ms;
        if (i == 0 && !name && json_object_get(layer, "count"))
            continue; /* of runs, which averages know */
        if (!name)
            return vc_fail(VC_EFORMAT, "%s: layer %zu has no 'name'", path, i);
        VC_TRY(vc__time_of(&ms, layer, "averageMs", name, path));
        out->us[class_of(name)] += 1e3 * ms;
    }
    return VC_OK;
}
