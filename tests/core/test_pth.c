/* Checkpoints: real ones that PyTorch wrote (tools/golden/pth.py) against their safetensors twins,
 * and malicious ones, each with the sentence that refuses it. */
#include <math.h>

#include "pickling.h"
#include "vitcod/file.h"
#include "vitcod/pth.h"
#include "vitcod/safetensors.h"
#include "vitcod/weights.h"

static const char *golden(const char *name, const char *extension)
{
    static char paths[2][256];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "tests/core/golden/%s.%s", name, extension);
    return path;
}

static void are_the_same(vc_tensor_file *have, vc_tensor_file *want, const char *name)
{
    assert_int_equal(vc_tensor_file_count(have), vc_tensor_file_count(want));
    for (size_t i = 0; i < vc_tensor_file_count(want); i++) {
        const vc_named_tensor *h = vc_tensor_file_at(have, i), *w = vc_tensor_file_at(want, i);
        size_t item = vc_dtype_bytes(w->tensor.dtype);
        assert_string_equal(h->name, w->name);
        if (!vc_tensor_has(&h->tensor, w->tensor.dtype, w->tensor.rank, w->tensor.shape) ||
            memcmp(h->tensor.data, w->tensor.data, vc_tensor_count(&w->tensor) * item) != 0)
            fail_msg("%s: '%s' differs from its twin", name, w->name);
        assert_int_equal((uintptr_t)h->tensor.data % item, 0);
        assert_ptr_equal(vc_tensor_file_find(have, w->name), &h->tensor);
    }
    vc_tensor_file_close(have);
    vc_tensor_file_close(want);
}

static void agrees_with_its_twin(const char *name)
{
    vc_tensor_file *have, *want;
    assert_ok(vc_pth_open(&have, golden(name, "pth"), VC_WEIGHTS_RAW));
    assert_ok(vc_safetensors_open(&want, golden(name, "safetensors")));
    are_the_same(have, want, name);
}

static void reads_what_torch_writes(void **state)
{
    (void)state;
    agrees_with_its_twin("plain");
    agrees_with_its_twin("protocol4");
    agrees_with_its_twin("training");
    agrees_with_its_twin("dtypes");
    agrees_with_its_twin("views");
    agrees_with_its_twin("beside");
    agrees_with_its_twin("beside5");
    agrees_with_its_twin("legacy");
    agrees_with_its_twin("legacy_views");
}

/* Weights of a kind, and what is said of them. */
static void takes(const char *name, vc_weights_kind kind, const char *twin, const char *note)
{
    vc_tensor_file *have, *want;
    char text[512] = "";
    assert_ok(vc_weights_open(&have, golden(name, "pth"), kind));
    assert_ok(vc_safetensors_open(&want, golden(twin, "safetensors")));
    for (size_t i = 0; vc_tensor_file_note(have, i); i++)
        strcat(strcat(text, vc_tensor_file_note(have, i)), "; ");
    if (!strstr(text, note))
        fail_msg("%s: '%s' does not say '%s'", name, text, note);
    are_the_same(have, want, name);
}

static void chooses_between_raw_and_averaged_weights(void **state)
{
    (void)state;
    vc_tensor_file *file;
    takes("averaged", VC_WEIGHTS_ANY, "averaged_ema",
          "averaged weights (EMA) under 'state_dict_ema' taken; also there: raw weights under "
          "'state_dict', raw weights under 'student' (--weights raw)");
    takes("averaged", VC_WEIGHTS_EMA, "averaged_ema", "(--weights raw)");
    takes("averaged", VC_WEIGHTS_RAW, "averaged_raw",
          "raw weights under 'state_dict' taken; also there: averaged weights (EMA) under "
          "'state_dict_ema', raw weights under 'student' (--weights ema)");
    takes("side_by_side", VC_WEIGHTS_ANY, "side_by_side_ema",
          "averaged weights (EMA) under 'ema_model.' taken; also there: raw weights under 'model.' "
          "(--weights raw)");
    takes("side_by_side", VC_WEIGHTS_RAW, "side_by_side_raw", "raw weights under 'model.' taken");
    takes("parallel", VC_WEIGHTS_RAW, "parallel", "'module.' before every name left out");
    assert_fails(vc_weights_open(&file, golden("parallel", "pth"), VC_WEIGHTS_EMA), VC_EINVAL,
                 "parallel.pth: holds no averaged weights (EMA), which --weights ema wants");
    assert_fails(vc_weights_open(&file, golden("plain", "safetensors"), VC_WEIGHTS_EMA), VC_EINVAL,
                 "holds no averaged weights");
    assert_ok(vc_pth_open(&file, golden("averaged", "pth"), VC_WEIGHTS_ANY));
    assert_string_equal(vc_tensor_file_metadata(file, "arch"), "vit_tiny_patch16_224");
    vc_tensor_file_close(file);
}

static void converts_numbers_of_other_widths(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_ok(vc_weights_open(&file, golden("dtypes", "pth"), VC_WEIGHTS_ANY));
    assert_string_equal(vc_tensor_file_note(file, 0),
                        "tensors converted to F32: 1 in F64, 1 in F16, 1 in BF16 of 11");
    const float *f32 = vc_tensor_file_find(file, "f32")->data;
    const char *const names[] = {"f64", "f16", "bf16"};
    const float within[] = {0.0f, 1.0f / 2048, 1.0f / 256};
    for (size_t n = 0; n < 3; n++) {
        const vc_tensor *t = vc_tensor_file_find(file, names[n]);
        assert_true(vc_tensor_has(t, VC_F32, 2, (size_t[]){5, 3}));
        for (size_t i = 0; i < 15; i++)
            if (!(fabsf(((float *)t->data)[i] - f32[i]) <= within[n] * fabsf(f32[i])))
                fail_msg("%s: value %zu is %g, wanted %g", names[n], i,
                         (double)((float *)t->data)[i], (double)f32[i]);
    }
    vc_tensor_file_close(file);
}

static void a_storage_is_read_once(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_ok(vc_weights_open(&file, golden("views", "pth"), VC_WEIGHTS_ANY));
    const char *base = vc_tensor_file_find(file, "base")->data;
    assert_int_equal((uintptr_t)base % 64, 0);
    assert_ptr_equal(vc_tensor_file_find(file, "tied")->data, base);
    assert_ptr_equal(vc_tensor_file_find(file, "rows")->data, base + 6 * sizeof(float));
    vc_tensor_file_close(file);
}

static void refuses_what_it_does_not_hold(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_fails(vc_weights_open(&file, golden("int16", "pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
                 "'w' has a torch.ShortStorage, wanted F32");
    assert_fails(vc_weights_open(&file, golden("module", "pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
                 "a whole model was pickled, with its class "
                 "'torch.nn.modules.container.Sequential', of which nothing is executed; wanted "
                 "its weights alone: load it in Python and torch.save(model.state_dict(), ...)");
    assert_fails(vc_weights_open(&file, golden("module_old", "pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
                 "a whole model was pickled");
    assert_fails(
        vc_weights_open(&file, golden("torchscript", "pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
        "is a TorchScript program, of which nothing is executed; wanted its weights alone");
    char tar[512] = "sys_info";
    memcpy(tar + 257, "ustar", 5);
    write_bytes(temporary("tar.pth"), tar, sizeof tar);
    assert_fails(vc_weights_open(&file, temporary("tar.pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
                 "is a tar file");
    write_bytes(temporary("text.pth"), "not a checkpoint", 16);
    assert_fails(vc_weights_open(&file, temporary("text.pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
                 "is text that begins 'not a checkpoint', wanted weights");
    assert_fails(vc_pth_open(&file, temporary("text.pth"), VC_WEIGHTS_ANY), VC_EFORMAT,
                 "not a sound zip archive");
    assert_fails(vc_weights_open(&file, temporary("missing.pth"), VC_WEIGHTS_ANY), VC_EIO,
                 "cannot open");
    assert_null(file);
}

/* Every archive of these tests has a storage '0' of four float32 values. */
static const float four[] = {1, 2, 3, 4};

static vc_status open_bytes(vc_tensor_file **file, bytes zip)
{
    write_bytes(temporary("t.pth"), zip.data, zip.count);
    free(zip.data);
    return vc_weights_open(file, temporary("t.pth"), VC_WEIGHTS_ANY);
}

static vc_status open_pickle(vc_tensor_file **file, bytes pickle)
{
    const zip_entry entries[] = {{.name = "a/data.pkl", .data = pickle.data, .count = pickle.count},
                                 {.name = "a/data/0", .data = four, .count = sizeof four}};
    bytes zip = zipped(entries, 2);
    free(pickle.data);
    return open_bytes(file, zip);
}

static vc_status open_tensor(vc_tensor_file **file, tensor_words t)
{
    return open_pickle(file, pickled_tensor(t));
}

static bytes literal(const char *ops, size_t count)
{
    bytes b = {0};
    put(&b, ops, count);
    return b;
}

#define REFUSES_PICKLE(ops, message)                                                               \
    assert_fails(open_pickle(&file, literal("\x80\2" ops, sizeof("\x80\2" ops) - 1)), VC_EFORMAT,  \
                 message)
#define REFUSES_TENSOR(message, ...)                                                               \
    assert_fails(open_tensor(&file, (tensor_words){__VA_ARGS__}), VC_EFORMAT, message)

static void reads_what_the_tests_write(void **state)
{
    (void)state;
    vc_tensor_file *file;
    const size_t shape[] = {2, 2};
    const vc_tensor *w;
    assert_ok(open_tensor(&file, (tensor_words){"0", 4, 0, 2, {2, 2}, {1, 2}}));
    assert_ok(vc_tensor_file_get(&w, file, "w", VC_F32, 2, shape));
    assert_memory_equal(w->data, ((float[]){1, 3, 2, 4}), sizeof four);
    vc_tensor_file_close(file);
    /* no values, and a last value that is the storage's last */
    assert_ok(open_tensor(&file, (tensor_words){"0", 4, 4, 2, {0, 7}, {99, 99}}));
    vc_tensor_file_close(file);
    assert_ok(open_tensor(&file, (tensor_words){"0", 4, 1, 2, {2, 1}, {2, 99}}));
    assert_true(((float *)vc_tensor_file_find(file, "w")->data)[1] == 4);
    vc_tensor_file_close(file);
}

static void refuses_pickles_without_a_state_dict(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_fails(open_pickle(&file, (bytes){0}), VC_EFORMAT, "no pickle of protocol 2 to 5");
    REFUSES_PICKLE("cos\nsystem\n\x8c\2id\x85R.", "the pickle wants 'os.system'");
    REFUSES_PICKLE("}", "no STOP");
    REFUSES_PICKLE("].", "holds a list, wanted a state dict");
    REFUSES_PICKLE("}.", "a dict without tensors");
    REFUSES_PICKLE("}\x8c\5epochK\1s.", "wanted a state dict or one under 'model', 'state_dict', "
                                        "'model_ema', 'state_dict_ema' or a like name");
    REFUSES_PICKLE("}\x8c\5model}s.", "its state dict holds no tensors");
    REFUSES_PICKLE("}\x8c\5model}\x8c\1wK\1ss.", "'w' of the state dict is an integer");
    REFUSES_PICKLE("}\x8c\5model}K\1Nss.", "key 0 of the state dict is an integer");
    REFUSES_PICKLE("}\x8c\5model}\x8c\2\x1b[Nss.", "holds control characters");
    /* a dict of itself */
    REFUSES_PICKLE("}q\0\x8c\5modelh\0s.", "'model' of the state dict is a dict, wanted a tensor");
    assert_null(file);
}

static void refuses_one_name_twice(void **state)
{
    (void)state;
    vc_tensor_file *file;
    bytes b = {0};
    put_ops(&b, "\x80\2}\x8c\1w");
    put_tensor(&b, (tensor_words){"0", 4, 0, 1, {4}, {1}});
    put_ops(&b, "q\0s\x8c\1wh\0s.");
    assert_fails(open_pickle(&file, b), VC_EFORMAT, "two tensors are called 'w'");
}

static void refuses_tensors_that_are_not_in_their_storage(void **state)
{
    (void)state;
    vc_tensor_file *file;
    const int64_t huge = INT64_C(1) << 40, most = INT64_MAX;
    REFUSES_TENSOR("storage '0' has 16 bytes, wanted 5 values of F32", "0", 5, 0, 1, {4}, {1});
    REFUSES_TENSOR("wanted -1 values", "0", -1, 0, 1, {4}, {1});
    REFUSES_TENSOR("wanted 9223372036854775807 values", "0", most, 0, 1, {4}, {1});
    REFUSES_TENSOR("wanted 4611686018427387908 values", "0", (INT64_C(1) << 62) + 4, 0, 1, {4},
                   {1});
    REFUSES_TENSOR("'w' (4) at offset 1 ends behind its storage of 4", "0", 4, 1, 1, {4}, {1});
    REFUSES_TENSOR("ends behind its storage", "0", 4, 4, 0, {0}, {0});
    REFUSES_TENSOR("ends behind its storage", "0", 4, most, 1, {4}, {1});
    REFUSES_TENSOR("ends behind its storage", "0", 4, 0, 2, {2, 2}, {most, most});
    REFUSES_TENSOR("ends behind its storage", "0", 4, 1, 2, {2, 2}, {3, 1});
    REFUSES_TENSOR("offset -1", "0", 4, -1, 1, {4}, {1});
    REFUSES_TENSOR("size -4 and stride 1 in dimension 0", "0", 4, 0, 1, {-4}, {1});
    REFUSES_TENSOR("size 4 and stride -1 in dimension 0", "0", 4, 3, 1, {4}, {-1});
    REFUSES_TENSOR("more values than can be counted", "0", 4, 0, 2, {huge, huge}, {0, 0});
    REFUSES_TENSOR("more values than can be counted", "0", 4, 0, 1, {most}, {0});
    REFUSES_TENSOR("rank 9, wanted at most 8", "0", 4, 0, 9, {1}, {1});
    REFUSES_TENSOR("views of 4398046511104 bytes on storages of 16", "0", 4, 0, 1, {huge}, {0});
    REFUSES_TENSOR("the storage '1', which is missing", "1", 4, 0, 1, {4}, {1});
    REFUSES_TENSOR("the storage '../data.pkl', which is missing", "../data.pkl", 4, 0, 1, {4}, {1});
    REFUSES_TENSOR("the storage '', which is missing", "", 4, 0, 1, {4}, {1});
    assert_null(file);
}

static vc_status open_entries(vc_tensor_file **file, size_t count, const zip_entry *entries)
{
    return open_bytes(file, zipped(entries, count));
}

/* Archives around a sound pickle and a sound storage. */
static bytes pickle;

static int make_pickle(void **state)
{
    (void)state;
    pickle = pickled_tensor((tensor_words){"0", 4, 0, 1, {4}, {1}});
    return 0;
}

static int free_pickle(void **state)
{
    (void)state;
    free(pickle.data);
    return 0;
}

#define PICKLE(path)                                                                               \
    {                                                                                              \
        .name = path, .data = pickle.data, .count = pickle.count                                   \
    }
#define STORAGE(...)                                                                               \
    {                                                                                              \
        .name = "a/data/0", .data = four, .count = sizeof four, __VA_ARGS__                        \
    }
#define OPEN(...)                                                                                  \
    open_entries(&file, sizeof((zip_entry[]){__VA_ARGS__}) / sizeof(zip_entry),                    \
                 (zip_entry[]){__VA_ARGS__})

static void reads_archives_that_others_write(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_ok(OPEN(PICKLE("a/data.pkl"), STORAGE(.deflated = 1)));
    assert_memory_equal(vc_tensor_file_find(file, "w")->data, four, sizeof four);
    vc_tensor_file_close(file);
    assert_ok(OPEN({.name = "a/byteorder", .data = "little", .count = 6}, PICKLE("a/data.pkl"),
                   STORAGE(), {.name = "a/.data/serialization_id", .data = "1", .count = 1}));
    vc_tensor_file_close(file);
}

static void refuses_archives_that_are_no_checkpoint(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_fails(OPEN(STORAGE()), VC_EFORMAT, "a zip archive without '<name>/data.pkl'");
    assert_fails(OPEN(PICKLE("data.pkl"), STORAGE()), VC_EFORMAT, "without '<name>/data.pkl'");
    assert_fails(OPEN(PICKLE("a/data.pkl")), VC_EFORMAT, "the storage '0', which is missing");
    assert_fails(OPEN(PICKLE("a/data.pkl"), PICKLE("b/data.pkl"), STORAGE()), VC_EFORMAT,
                 "two pickles, 'a/data.pkl' and 'b/data.pkl'");
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(), STORAGE()), VC_EFORMAT,
                 "two entries of the zip archive have one name");
    assert_fails(OPEN(PICKLE("../data.pkl"), STORAGE()), VC_EFORMAT,
                 "'../data.pkl' leads outside of the archive");
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(), {.name = "a/../../etc/passwd"}), VC_EFORMAT,
                 "'a/../../etc/passwd' leads outside");
    assert_fails(OPEN(PICKLE("/data.pkl"), STORAGE()), VC_EFORMAT, "leads outside");
    assert_fails(OPEN(PICKLE("..\\a/data.pkl"), STORAGE()), VC_EFORMAT, "leads outside");
    assert_fails(OPEN(PICKLE("\x1b[31m/data.pkl"), STORAGE()), VC_EFORMAT, "no printable name");
    assert_fails(OPEN(PICKLE("a/data.pkl"), {.name = "a/byteorder", .data = "big", .count = 3}),
                 VC_EFORMAT, "byte order 'big', wanted 'little'");
    assert_null(file);
}

static void refuses_entries_that_lie(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(.flags = 1)), VC_EFORMAT,
                 "'a/data/0' is encrypted");
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(.crc_error = 1)), VC_EFORMAT,
                 "'a/data/0' is damaged: CRC error");
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(.deflated = 1, .crc_error = 1)), VC_EFORMAT,
                 "'a/data/0' is damaged: CRC error");
    /* The size of a storage follows from the pickle, whatever the archive claims. */
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(.deflated = 1, .size_claim = 0xfffffffe)),
                 VC_EFORMAT, "storage '0' has 4294967294 bytes, wanted 4 values of F32");
    const char twenty[20] = {0}, eight[8] = {0};
    assert_fails(
        OPEN(PICKLE("a/data.pkl"),
             {.name = "a/data/0", .data = twenty, .count = 20, .deflated = 1, .size_claim = 16}),
        VC_EFORMAT, "more than the 16 bytes it claims");
    assert_fails(
        OPEN(PICKLE("a/data.pkl"),
             {.name = "a/data/0", .data = eight, .count = 8, .deflated = 1, .size_claim = 16}),
        VC_EFORMAT, "has 8 bytes, wanted 16");
    assert_fails(OPEN(PICKLE("a/data.pkl"), STORAGE(.size_claim = 0x7ffffffe)), VC_EFORMAT,
                 "not a sound zip archive");
    assert_null(file);
}

/* Eight MiB of zeros in eight KiB. The pickle gives the same size, and still no weights look like
 * that. */
static void refuses_a_zip_bomb(void **state)
{
    (void)state;
    vc_tensor_file *file;
    const int64_t values = 2 << 20;
    bytes bomb = pickled_tensor((tensor_words){"0", values, 0, 1, {values}, {1}});
    void *zeros = calloc((size_t)values, 4);
    assert_fails(
        OPEN({.name = "a/data.pkl", .data = bomb.data, .count = bomb.count},
             {.name = "a/data/0", .data = zeros, .count = (size_t)values * 4, .deflated = 1}),
        VC_EFORMAT, "storages of more than 64 times the file's");
    assert_fails(OPEN({.name = "a/data.pkl",
                       .data = zeros,
                       .count = (size_t)values * 4,
                       .deflated = 1,
                       .size_claim = 65 << 20}),
                 VC_EFORMAT, "'data.pkl' of 68157440 bytes, wanted at most 67108864");
    free(zeros);
    free(bomb.data);
}

/* Whatever is cut off or changed, opening ends with a message or with tensors. */
static void survives_damage_everywhere(void **state)
{
    (void)state;
    vc_tensor_file *file;
    const zip_entry entries[] = {PICKLE("a/data.pkl"), STORAGE()};
    bytes zip = zipped(entries, 2);
    for (size_t count = 1; count < zip.count; count++) {
        write_bytes(temporary("cut.pth"), zip.data, count);
        assert_int_equal(vc_pth_open(&file, temporary("cut.pth"), VC_WEIGHTS_ANY), VC_EFORMAT);
    }
    size_t refused = 0;
    for (size_t i = 0; i < zip.count; i++) {
        zip.data[i] ^= 0xff;
        write_bytes(temporary("bent.pth"), zip.data, zip.count);
        vc_status status = vc_pth_open(&file, temporary("bent.pth"), VC_WEIGHTS_ANY);
        refused += status != VC_OK;
        assert_true(status == VC_OK || status == VC_EFORMAT);
        vc_tensor_file_close(file);
        zip.data[i] ^= 0xff;
    }
    assert_true(refused > zip.count / 2);
    free(zip.data);
}

/* The same of a legacy file, whose pickles and storages stand one behind the other. */
static void survives_damage_of_the_old_format(void **state)
{
    (void)state;
    vc_tensor_file *file;
    vc_mapped_file whole;
    assert_ok(vc_file_map(&whole, golden("legacy_views", "pth")));
    for (size_t count = 1; count < whole.bytes; count++) {
        write_bytes(temporary("cut.pth"), whole.data, count);
        assert_int_equal(vc_pth_open(&file, temporary("cut.pth"), VC_WEIGHTS_ANY), VC_EFORMAT);
    }
    unsigned char *bent = malloc(whole.bytes);
    memcpy(bent, whole.data, whole.bytes);
    for (size_t i = 0; i < whole.bytes; i++) {
        bent[i] ^= 0xff;
        write_bytes(temporary("bent.pth"), bent, whole.bytes);
        const vc_status status = vc_pth_open(&file, temporary("bent.pth"), VC_WEIGHTS_ANY);
        assert_true(status == VC_OK || status == VC_EFORMAT);
        vc_tensor_file_close(file);
        bent[i] ^= 0xff;
    }
    free(bent);
    vc_file_unmap(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_torch_writes),
        cmocka_unit_test(chooses_between_raw_and_averaged_weights),
        cmocka_unit_test(converts_numbers_of_other_widths),
        cmocka_unit_test(survives_damage_of_the_old_format),
        cmocka_unit_test(a_storage_is_read_once),
        cmocka_unit_test(refuses_what_it_does_not_hold),
        cmocka_unit_test(reads_what_the_tests_write),
        cmocka_unit_test(refuses_pickles_without_a_state_dict),
        cmocka_unit_test(refuses_one_name_twice),
        cmocka_unit_test(refuses_tensors_that_are_not_in_their_storage),
#define ARCHIVE_CASE(name) cmocka_unit_test_setup_teardown(name, make_pickle, free_pickle)
        ARCHIVE_CASE(reads_archives_that_others_write),
        ARCHIVE_CASE(refuses_archives_that_are_no_checkpoint),
        ARCHIVE_CASE(refuses_entries_that_lie),
        ARCHIVE_CASE(refuses_a_zip_bomb),
        ARCHIVE_CASE(survives_damage_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
