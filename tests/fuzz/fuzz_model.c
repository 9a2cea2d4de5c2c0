/* What a model's file and the config.json beside it mean. The first byte says which small model is
 * written (plain ViTs first, then those of other families), and with its highest bit that its sizes
 * are not in the metadata, so that config.json counts; then come changes of its header, three bytes
 * each (where, which character), up to a byte 255; the rest is config.json. What can be opened can
 * be described, hashed and run. */
#include "fuzzed_folder.h"

#include "../../src/models/levit/levit.h"
#include "../../src/models/strided/strided.h"
#include "../vit_kinds.h"
#include "vitcod/model.h"
#include "vitcod/model_info.h"

enum { VITS = sizeof vit_kinds / sizeof *vit_kinds, KINDS = VITS + 4, MOST_PIXELS = 1 << 14 };

static vc_model_config config_of(size_t kind)
{
    static const vc__levit_config levit = {.image = 64,
                                           .channels = 1,
                                           .classes = 3,
                                           .stem = {3, 4, 6, 8},
                                           .stages = {{8, 1, {2, 4, 6, 12}, {0}, {0}},
                                                      {12, 1, {3, 4, 5, 16}, {0}, {2, 4, 7, 20}},
                                                      {10, 1, {2, 3, 4, 18}, {0}, {3, 4, 8, 14}}},
                                           .std = {1}};
    static const vc__strided_config strided = {23, 6, 9, 16, 4, 24, 1, 3, {2, 5, 3}, {0}};
    vc__levit_config twice = levit;
    twice.distilled = 1;
    if (kind < VITS)
        return vc__deit_model(&vit_kinds[kind].sizes);
    vc_model_config config = kind < VITS + 2   ? vc__levit_model(kind == VITS ? &levit : &twice)
                             : kind < VITS + 4 ? vc__strided_model(&strided)
                                               : (vc_model_config){0};
    if (kind % 2 && vc_model_compress(&config, 0, VC_CODED_QK) != VC_OK)
        abort();
    return config;
}

/* Classes have names where there are classes. */
static void name_classes(vc_model *model)
{
    static const char *const names[] = {"a cat", "a \"dog\"", "\303\251", "",  "b",
                                        "c",     "d",         "e",        "f", "g"};
    const size_t classes = vc_model_input_of(&model->config).classes;
    if (classes <= sizeof names / sizeof *names &&
        vc_model_name_classes(model, names, classes) != VC_OK)
        abort();
}

/* The file of a kind as it is written, made once. */
static const uint8_t *file_of(size_t kind, size_t *size)
{
    static uint8_t *files[KINDS];
    static size_t sizes[KINDS];
    if (!files[kind]) {
        vc_model *model;
        char path[128];
        const vc_model_config config = config_of(kind);
        snprintf(path, sizeof path, "%s/sound.safetensors", fuzz_folder());
        if (vc_model_create(&model, &config, 1) != VC_OK)
            abort();
        name_classes(model);
        if (vc_model_write(path, model) != VC_OK)
            abort();
        vc_model_close(model);
        FILE *file = fopen(path, "rb");
        if (!file || !(files[kind] = malloc(1 << 20)))
            abort();
        sizes[kind] = fread(files[kind], 1, 1 << 20, file);
        fclose(file);
    }
    *size = sizes[kind];
    return files[kind];
}

static void run(const vc_model *model)
{
    static float image[MOST_PIXELS];
    vc_acts acts;
    if (vc_model_image_values(&model->config) > MOST_PIXELS ||
        vc_acts_open(&acts, model, 1, 0) != VC_OK)
        return;
    vc_model_forward(&acts, model, image, 1, NULL);
    vc_acts_close(&acts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bytes, header = 0;
    if (size < 1)
        return 0;
    const uint8_t *sound = file_of(data[0] % KINDS, &bytes);
    uint8_t *file = malloc(bytes);
    if (!file)
        abort();
    memcpy(file, sound, bytes);
    memcpy(&header, file, 8);
    uint8_t *name = memmem(file, bytes, "\"architecture\"", 14);
    if (data[0] >= 128 && name)
        name[1] = 'A';
    for (data++, size--; size >= 3 && data[0] != 255; data += 3, size -= 3)
        file[8 + (size_t)(data[0] << 8 | data[1]) % header] = data[2];
    char config[128];
    snprintf(config, sizeof config, "%s/config.json", fuzz_folder());
    unlink(config);
    if (size > 1)
        fuzz_folder_file("config.json", data + 1, size - 1);
    vc_model *model;
    const vc_model_options how = {0};
    if (vc_model_open(&model, fuzz_folder_file("model.safetensors", file, bytes), &how) == VC_OK) {
        json_decref(vc_model_describe(&model->config));
        (void)vc_model_hash(model);
        run(model);
        vc_model_close(model);
    }
    free(file);
    return 0;
}
