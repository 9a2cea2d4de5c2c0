/* What a checkpoint of training means, behind a checksum that is right. The bytes are a few lines,
 * position, sums and settings (empty: as a run wrote them), and values that take the place of some
 * of the weights and means. What is read is trained to its end. */
#include "fuzzed_folder.h"

#include "../small_deit.h"
#include "vitcod/checksum.h"
#include "vitcod/safetensors.h"
#include "vitcod/train.h"

enum { SIDE = 8, IMAGES = 8, TEXTS = 3, ROOM = 4096 };

static const char *const keys[TEXTS] = {"position", "sums", "settings"};
static const vc__deit_config sizes = {SMALL_DEIT, .depth = 1};

/* A run that has been through its first epoch, and what it wrote. */
static struct {
    vc_model *model;
    vc_source *source;
    vc_train_options options;
    char path[128], texts[TEXTS][ROOM];
    float *blocks[3];
} run;

static void keep(void)
{
    static const char *const names[] = {"values", "adam.m", "adam.v"};
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, run.path) != VC_OK)
        abort();
    for (size_t i = 0; i < TEXTS; i++)
        snprintf(run.texts[i], ROOM, "%s", vc_tensor_file_metadata(file, keys[i]));
    for (size_t i = 0; i < 3; i++) {
        const vc_tensor *t = vc_tensor_file_find(file, names[i]);
        run.blocks[i] = malloc(vc_tensor_count(t) * sizeof(float));
        memcpy(run.blocks[i], t->data, vc_tensor_count(t) * sizeof(float));
    }
    vc_tensor_file_close(file);
}

static vc_status stop_after_one(void *context, const vc_epoch_report *report)
{
    *(int *)context = report->epoch == 1;
    return VC_OK;
}

static void set_up(void)
{
    static uint8_t pixels[IMAGES * SIDE * SIDE];
    static int32_t labels[IMAGES];
    static vc_dataset set = {IMAGES, 1, SIDE, SIDE, 4, pixels, labels, NULL};
    int stop = 0;
    const vc_train_hooks hooks = {.on_epoch = stop_after_one, .context = &stop, .stop = &stop};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37);
    for (int i = 0; i < IMAGES; i++)
        labels[i] = i % 4;
    setenv("OMP_NUM_THREADS", "1", 1);
    run.options = vc_train_options_default();
    run.options.epochs = 2;
    run.options.batch = 4;
    run.options.workers = 1;
    snprintf(run.path, sizeof run.path, "%s/checkpoint", fuzz_folder());
    if (vc__deit_create(&run.model, &sizes, 1) != VC_OK ||
        vc_source_of_dataset(&run.source, &set) != VC_OK ||
        vc_train(run.model, run.source, NULL, &run.options, run.path, 0, &hooks) != VC_OK)
        abort();
    keep();
}

/* A line of the bytes, or what the run wrote. */
static const char *text_of(char out[ROOM], size_t which, const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    const size_t length = end ? (size_t)(end - *data) : *size;
    snprintf(out, ROOM, "%.*s", (int)(length < ROOM ? length : ROOM - 1), (const char *)*data);
    *data += length + (end != NULL);
    *size -= length + (end != NULL);
    return out[0] ? out : run.texts[which];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char texts[TEXTS][ROOM], sum[VC_CHECKSUM_TEXT];
    const vc_train_hooks hooks = {0};
    if (!run.model)
        set_up();
    const size_t count = run.model->value_count;
    vc_metadata metadata[TEXTS + 2] = {{"format", "vitcod-checkpoint"}, {"crc32", sum}};
    float *spoilt = malloc(3 * count * sizeof *spoilt);
    uint32_t checksum = 0;
    if (!spoilt)
        abort();
    for (size_t i = 0; i < TEXTS; i++)
        metadata[2 + i] = (vc_metadata){keys[i], text_of(texts[i], i, &data, &size)};
    for (size_t i = 0; i < 3; i++)
        memcpy(spoilt + i * count, run.blocks[i], count * sizeof(float));
    for (; size >= 6; data += 6, size -= 6)
        memcpy(spoilt + (size_t)(data[0] | data[1] << 8) % (3 * count), data + 2, 4);
    for (size_t i = 0; i < 3; i++)
        checksum = vc_checksum(checksum, spoilt + i * count, count * sizeof(float));
    for (size_t i = 0; i < TEXTS; i++)
        checksum = vc_checksum(checksum, metadata[2 + i].value, strlen(metadata[2 + i].value));
    vc_checksum_text(sum, checksum);
    const vc_named_tensor tensors[] = {{"values", {VC_F32, 1, {count}, spoilt}},
                                       {"adam.m", {VC_F32, 1, {count}, spoilt + count}},
                                       {"adam.v", {VC_F32, 1, {count}, spoilt + 2 * count}}};
    if (vc_safetensors_write(run.path, tensors, 3, metadata, TEXTS + 2) == VC_OK)
        (void)vc_train(run.model, run.source, NULL, &run.options, run.path, 1, &hooks);
    free(spoilt);
    return 0;
}
