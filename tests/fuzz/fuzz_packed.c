/* Packed weights in the user's cache, behind a checksum that is right: those that an engine wrote,
 * of which the bytes change values (which tensor, where, what: four bytes each), leave one out or
 * make one shorter. The first byte says which precision they are of; with its highest bit the rest
 * is the file as it is. What an engine takes from there it can run on. */
#include "fuzzed_folder.h"

#include "../../src/engine/packed_cache.h"
#include "../small_deit.h"
#include "vitcod/engine.h"
#include "vitcod/file.h"
#include "vitcod/safetensors.h"

enum { VALUES = 8 * 8, CLASSES = 4, MOST = 128, ALONE = 128, LEFT_OUT = 254, SHORTER = 255 };
static const vc_precision precisions[] = {VC_IN_FP32, VC_IN_BF16, VC_IN_INT8};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

/* What an engine of a precision keeps. */
typedef struct kept {
    char *name, *key; /* of the file in the cache; NULL: this CPU has no such engine */
    struct {
        char name[160];
        uint8_t *bytes;
        size_t count;
    } tensors[MOST];
    size_t count;
} kept;

static vc_model *model;
static kept all[PRECISIONS];

static int run(vc_precision precision)
{
    static float image[VALUES], logits[CLASSES];
    vc_engine *engine;
    vc_engine_options how = vc_engine_options_default();
    how.precision = precision;
    how.threads = 1;
    how.cache = 1;
    if (vc_engine_open(&engine, model, &how) != VC_OK)
        return 0;
    if (vc_engine_run(engine, logits, image, 1) != VC_OK)
        abort();
    vc_engine_close(engine);
    return 1;
}

static void open_model(void)
{
    static const vc__deit_config sizes = {SMALL_DEIT, .depth = 1};
    const vc_model_options in_place = {.in_place = 1};
    char path[128];
    vc_model *made;
    setenv("XDG_CACHE_HOME", fuzz_folder(), 1);
    snprintf(path, sizeof path, "%s/model.safetensors", fuzz_folder());
    if (vc__deit_create(&made, &sizes, 1) != VC_OK || vc_model_write(path, made) != VC_OK)
        abort();
    vc_model_close(made);
    usleep(100000); /* a file of this moment is nobody's origin */
    if (vc_model_open(&model, path, &in_place) != VC_OK || !model->origin)
        abort();
}

static void take(kept *k, const char *name)
{
    char path[4096];
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, vc_cache_path(path, sizeof path, name)) != VC_OK)
        abort();
    k->name = strdup(name);
    k->key = strdup(vc_tensor_file_metadata(file, "key"));
    for (; k->count < vc_tensor_file_count(file) && k->count < MOST; k->count++) {
        const vc_named_tensor *t = vc_tensor_file_at(file, k->count);
        const size_t bytes = vc_tensor_count(&t->tensor);
        snprintf(k->tensors[k->count].name, sizeof k->tensors->name, "%s", t->name);
        k->tensors[k->count].bytes = malloc(bytes + 1);
        k->tensors[k->count].count = bytes;
        memcpy(k->tensors[k->count].bytes, t->tensor.data, bytes);
    }
    vc_tensor_file_close(file);
}

static void set_up(void)
{
    open_model();
    for (size_t p = 0; p < PRECISIONS; p++) {
        vc_cached_files files;
        if (!run(precisions[p]))
            continue;
        if (vc_cached_files_open(&files) != VC_OK)
            abort();
        for (size_t i = 0; i < files.count; i++)
            if (strncmp(files.files[i].name, "packed-", 7) == 0)
                take(&all[p], files.files[i].name);
        if (!all[p].name || vc_cached_files_remove(&files) != VC_OK)
            abort();
        vc_cached_files_close(&files);
    }
}

static void spoil(vc__packed_cache *cache, const kept *k, const uint8_t *data, size_t size)
{
    size_t counts[MOST];
    uint8_t *copies[MOST];
    for (size_t i = 0; i < k->count; i++) {
        counts[i] = k->tensors[i].count;
        copies[i] = malloc(counts[i] + 1);
        memcpy(copies[i], k->tensors[i].bytes, counts[i]);
    }
    for (; size >= 4; data += 4, size -= 4) {
        const size_t t = data[0] % k->count, at = (size_t)data[1] << 8 | data[2];
        if (data[0] == LEFT_OUT)
            counts[data[1] % k->count] = 0;
        else if (data[0] == SHORTER)
            counts[data[1] % k->count] = data[2] % (k->tensors[data[1] % k->count].count + 1);
        else if (k->tensors[t].count > 0)
            copies[t][at % k->tensors[t].count] = data[3];
    }
    for (size_t i = 0; i < k->count; i++) {
        if (counts[i] > 0 &&
            vc__packed_cache_give(cache, k->tensors[i].name, copies[i], counts[i], 1) != VC_OK)
            abort();
        free(copies[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[4096], note[VC__CACHE_NOTE];
    vc__packed_cache *cache;
    if (!model)
        set_up();
    if (size < 1)
        return 0;
    const size_t which = data[0] % PRECISIONS;
    const kept *k = &all[which];
    if (!k->name)
        return 0;
    vc_cache_path(path, sizeof path, k->name);
    unlink(path);
    if (data[0] & ALONE) {
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(data + 1, 1, size - 1, file) != size - 1)
            abort();
        fclose(file);
    } else {
        if (vc__packed_cache_open(&cache, note, k->name, k->key) != VC_OK)
            abort();
        spoil(cache, k, data + 1, size - 1);
        if (vc__packed_cache_write(cache) != VC_OK)
            abort();
        vc__packed_cache_close(cache);
    }
    if (!run(precisions[which]))
        abort(); /* what cannot be used is made anew */
    return 0;
}
