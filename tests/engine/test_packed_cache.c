/* Packed weights in the cache: values that have changed, with a checksum that does not fit them and
 * with one that does. */
#include "engine_logits.h"
#include "tiny_deit.h"
#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/product.h"
#include "vitcod/safetensors.h"

enum { ROOM = 1 << 20, TENSORS = 128 };

static unsigned char good[ROOM], bad[ROOM];
static char note[1024];

static void on_note(const char *sentence)
{
    snprintf(note, sizeof note, "%s", sentence);
}

static const char *packed_path(void)
{
    static char path[512];
    vc_cached_files all;
    path[0] = '\0';
    assert_ok(vc_cached_files_open(&all));
    for (size_t i = 0; i < all.count; i++)
        if (strncmp(all.files[i].name, "packed-", 7) == 0)
            vc_cache_path(path, sizeof path, all.files[i].name);
    vc_cached_files_close(&all);
    assert_true(path[0] != '\0');
    return path;
}

static size_t read_file(unsigned char *to, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t bytes = fread(to, 1, ROOM, file);
    fclose(file);
    assert_true(bytes < ROOM);
    return bytes;
}

/* A model of a file that was not written this moment, and a cache of its own. */
static vc_model *open_model(void)
{
    const vc_model_options how = {.heads = 3, .in_place = 1, .remember = 1};
    vc_model *made = make_tiny_deit(1), *model;
    char path[256];
    snprintf(path, sizeof path, "%s", temporary("model.safetensors"));
    setenv("XDG_CACHE_HOME", temporary("cache"), 1);
    assert_ok(vc_model_write(path, made));
    vc_model_close(made);
    usleep(100000);
    assert_ok(vc_model_open(&model, path, &how));
    return model;
}

static void run(float *logits, const vc_model *model, vc_precision precision)
{
    vc_engine_options how = vc_engine_options_default();
    how.precision = precision;
    how.batch = IMAGES;
    how.threads = 1;
    how.cache = 1;
    how.on_note = on_note;
    note[0] = '\0';
    run_engine(logits, model, images, IMAGES, &how);
}

/* Where the values of each tensor begin: they are the end of the file. */
static size_t places_of(size_t places[TENSORS], size_t bytes, const char *path)
{
    vc_tensor_file *file;
    assert_ok(vc_safetensors_open(&file, path));
    const size_t count = vc_tensor_file_count(file);
    assert_true(count > 0 && count < TENSORS);
    for (size_t i = count; i-- > 0;) {
        bytes -= vc_tensor_count(&vc_tensor_file_at(file, i)->tensor);
        places[i] = bytes;
    }
    vc_tensor_file_close(file);
    return count;
}

static void a_flipped_bit(void **state)
{
    (void)state;
    vc_model *model = open_model();
    float want[IMAGES * CLASSES], have[IMAGES * CLASSES];
    for (int p = 0; p < VC_PRECISION_COUNT; p++) {
        size_t places[TENSORS];
        if (!vc_precision_supported((vc_precision)p))
            continue;
        run(want, model, (vc_precision)p);
        assert_string_equal(note, "");
        const char *path = packed_path();
        const size_t bytes = read_file(good, path), count = places_of(places, bytes, path);
        for (size_t i = 0; i < count; i++) {
            memcpy(bad, good, bytes);
            bad[places[i]] ^= (unsigned char)(1u << (i % 8));
            write_bytes(path, bad, bytes);
            run(have, model, (vc_precision)p);
            if (!strstr(note, "damaged: its values have another checksum") ||
                !strstr(note, "it is made anew"))
                fail_msg("%s, tensor %zu: it says '%s'", vc_precision_name((vc_precision)p), i,
                         note);
            assert_memory_equal(have, want, sizeof want);
            assert_int_equal(read_file(bad, path), bytes);
            assert_memory_equal(bad, good, bytes);
        }
        assert_int_equal(unlink(path), 0); /* that of the next precision has another name */
    }
    vc_model_close(model);
}

/* Writes the file with other values for a tensor, and a checksum that fits. */
static void write_with(const char *path, const char *changed, void *values)
{
    static const char *const keys[] = {"format", "key", "crc32", "checksum_of_values"};
    vc_named_tensor tensors[TENSORS];
    vc_metadata metadata[4];
    vc_tensor_file *file;
    char sum[17];
    uint64_t all = 0;
    assert_ok(vc_safetensors_open(&file, path));
    const size_t count = vc_tensor_file_count(file);
    for (size_t i = 0; i < count; i++) {
        tensors[i] = *vc_tensor_file_at(file, i);
        if (strcmp(tensors[i].name, changed) == 0)
            tensors[i].tensor.data = values;
        all = vc_checksum_wide(all, tensors[i].tensor.data, vc_tensor_count(&tensors[i].tensor));
    }
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)all);
    for (size_t i = 0; i < 4; i++)
        metadata[i] = (vc_metadata){keys[i], i < 3 ? vc_tensor_file_metadata(file, keys[i]) : sum};
    assert_ok(vc_safetensors_write(path, tensors, count, metadata, 4));
    vc_tensor_file_close(file);
}

/* What is counted there is looked at, whatever the checksum says: verdicts, the first of which has
 * their number. */
static void more_than_there_is(void **state)
{
    (void)state;
    static const uint32_t counts[] = {UINT32_MAX, 0x10002};
    vc_model *model = open_model();
    float want[IMAGES * CLASSES], have[IMAGES * CLASSES];
    run(want, model, VC_IN_FP32);
    const char *path = packed_path();
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        vc_product_verdict kept[256];
        vc_tensor_file *file;
        assert_ok(vc_safetensors_open(&file, path));
        const vc_tensor *there = vc_tensor_file_find(file, "verdicts");
        assert_non_null(there);
        assert_true(vc_tensor_count(there) <= sizeof kept);
        memcpy(kept, there->data, vc_tensor_count(there));
        vc_tensor_file_close(file);
        kept->rows = counts[c];
        write_with(path, "verdicts", kept);
        run(have, model, VC_IN_FP32);
        assert_string_equal(note, "");
        assert_memory_equal(have, want, sizeof want);
    }
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_flipped_bit),
                                       cmocka_unit_test(more_than_there_is)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
