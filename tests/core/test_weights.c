/* Weights in several files, and whatever else is given for weights, named as what it is. */
#include "testing.h"
#include "vitcod/safetensors.h"
#include "vitcod/weights.h"

static const char *put(const char *name, const void *data, size_t count)
{
    write_bytes(temporary(name), data, count);
    return temporary(name);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static vc_status open_index(vc_tensor_file **file, const char *index)
{
    put_text("model.safetensors.index.json", index);
    return vc_weights_open(file, temporary("model.safetensors.index.json"), VC_WEIGHTS_ANY);
}

static int write_shards(void **state)
{
    (void)state;
    float a[] = {1, 2}, b[] = {3};
    const vc_named_tensor first = {"model.a", {VC_F32, 1, {2}, a}};
    const vc_named_tensor second = {"model.b", {VC_F32, 1, {1}, b}};
    const vc_metadata metadata = {"num_heads", "3"};
    assert_ok(vc_safetensors_write(temporary("m-1.safetensors"), &first, 1, &metadata, 1));
    assert_ok(vc_safetensors_write(temporary("m-2.safetensors"), &second, 1, NULL, 0));
    return 0;
}

static void joins_shards(void **state)
{
    (void)state;
    vc_tensor_file *file;
    assert_ok(open_index(&file,
                         "{\"metadata\":{\"total_size\":12},\"weight_map\":{"
                         "\"model.b\":\"m-2.safetensors\",\"model.a\":\"m-1.safetensors\"}}"));
    assert_int_equal(vc_tensor_file_count(file), 2);
    assert_true(vc_tensor_file_is_index(file));
    assert_true(((float *)vc_tensor_file_find(file, "a")->data)[1] == 2);
    assert_true(((float *)vc_tensor_file_find(file, "b")->data)[0] == 3);
    assert_string_equal(vc_tensor_file_metadata(file, "num_heads"), "3");
    assert_string_equal(vc_tensor_file_note(file, 0), "weights from 2 files");
    assert_string_equal(vc_tensor_file_note(file, 1), "'model.' before every name left out");
    assert_null(vc_tensor_file_note(file, 2));
    vc_tensor_file_close(file);
}

/* A file with raw and averaged weights says so through an index too, and either can be had. */
static void shards_say_what_was_chosen(void **state)
{
    (void)state;
    vc_tensor_file *file;
    static unsigned char bytes[1 << 16];
    char index[4096] = "{\"weight_map\":{";
    FILE *golden = fopen("tests/core/golden/averaged.pth", "rb");
    assert_non_null(golden);
    put("averaged.pth", bytes, fread(bytes, 1, sizeof bytes, golden));
    fclose(golden);
    assert_ok(vc_weights_open(&file, temporary("averaged.pth"), VC_WEIGHTS_RAW));
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const size_t used = strlen(index);
        snprintf(index + used, sizeof index - used, "%s\"%s\":\"averaged.pth\"", i ? "," : "",
                 vc_tensor_file_at(file, i)->name);
    }
    strcat(index, "}}");
    vc_tensor_file_close(file);
    assert_ok(open_index(&file, index));
    assert_non_null(strstr(vc_tensor_file_note(file, 0), "averaged weights (EMA) under"));
    vc_tensor_file_close(file);
    for (vc_weights_kind kind = VC_WEIGHTS_RAW; kind <= VC_WEIGHTS_EMA; kind++) {
        assert_ok(vc_weights_open(&file, temporary("model.safetensors.index.json"), kind));
        vc_tensor_file_close(file);
    }
}

static void refuses_an_index_that_lies(void **state)
{
    (void)state;
    vc_tensor_file *file;
#define REFUSES(map, status, message)                                                              \
    assert_fails(open_index(&file, "{\"weight_map\":" map "}"), status, message)
    REFUSES("{\"model.a\":\"m-1.safetensors\"", VC_EFORMAT, "line 1");
    REFUSES("[]", VC_EFORMAT, "'weight_map' is no object");
    REFUSES("{}", VC_EFORMAT, "'weight_map' is no object");
    REFUSES("{\"a\":3}", VC_EFORMAT, "names 'no text', wanted a file beside it");
    REFUSES("{\"a\":\"../m-1.safetensors\"}", VC_EFORMAT, "wanted a file beside it");
    REFUSES("{\"a\":\"/etc/passwd\"}", VC_EFORMAT, "wanted a file beside it");
    REFUSES("{\"a\":\"m-3.safetensors\"}", VC_EIO, "m-3.safetensors: cannot open");
    REFUSES("{\"model.a\":\"m-2.safetensors\"}", VC_EFORMAT,
            "'model.a' is not in 'm-2.safetensors'");
    REFUSES("{\"a\":\"model.safetensors.index.json\"}", VC_EFORMAT, "is JSON, wanted weights");
    REFUSES("{\"model.a\":\"m-1.safetensors\",\"model.b\":\"m-2.safetensors\","
            "\"model.c\":\"m-2.safetensors\"}",
            VC_EFORMAT, "'model.c' is not in");
#undef REFUSES
    assert_null(file);
}

/* The files must hold what the index names, and no more. */
static void refuses_tensors_beside_the_index(void **state)
{
    (void)state;
    vc_tensor_file *file;
    float a[] = {1};
    const vc_named_tensor both[] = {{"a", {VC_F32, 1, {1}, a}}, {"x", {VC_F32, 1, {1}, a}}};
    assert_ok(vc_safetensors_write(temporary("m-3.safetensors"), both, 2, NULL, 0));
    assert_fails(open_index(&file, "{\"weight_map\":{\"a\":\"m-3.safetensors\"}}"), VC_EFORMAT,
                 "names 1 tensors, its files hold 2");
    remove(temporary("m-3.safetensors"));
}

static void names_what_is_no_weights(void **state)
{
    (void)state;
#define BYTES(text) text, sizeof(text) - 1
    static const struct {
        const char *bytes;
        size_t count;
        const char *message;
    } cases[] = {
        {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
         "is a git-lfs pointer, wanted weights: safetensors or a PyTorch checkpoint; `git lfs "
         "pull` fetches the file that it stands for"},
        {BYTES("\n<!DOCTYPE html><html>Not found</html>"), "is an HTML page"},
        {BYTES("<HTML><head>"), "is an HTML page"},
        {BYTES("<?xml version='1.0'?>"), "is XML"},
        {BYTES("\x93NUMPY\1\0v\0{"), "is an npy array"},
        {BYTES("\x1f\x8b\x08\0\0\0"), "is compressed with gzip"},
        {BYTES("BZh91AY"), "is compressed with bzip2"},
        {BYTES("\xfd"
               "7zXZ\0"),
         "is compressed with xz"},
        {BYTES("\x28\xb5\x2f\xfd\0"), "is compressed with zstd"},
        {BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), "is a JPEG image"},
        {BYTES("\x89PNG\r\n\x1a\n\0\0"), "is a PNG image"},
        {BYTES("RIFF\x10\0\0\0WEBPVP8 "), "is a WebP image"},
        {BYTES("\x89HDF\r\n\x1a\n\0"), "is an HDF5 file"},
        {BYTES("GGUF\3\0\0\0"), "is a GGUF file"},
        {BYTES("\x7f"
               "ELF\2\1"),
         "is a program"},
        {BYTES("# What is here\n"), "is text that begins '# What is here', wanted weights"},
        {BYTES("{\"architectures\": []}"), "is JSON, wanted weights"},
        {BYTES("\x80\4\x95\0\0\0\0\0\0\0\0}."), "is a Python pickle that torch.save did not write"},
        {BYTES("PK\3\4\0\0"), "not a sound zip archive: it lacks its end; cut off?"},
        {BYTES("\0\1\0\0\0\0\0\0{\"a\":"), "header of 256 bytes in a file of 13; cut off?"},
        {BYTES("\1\2\3\4\5\6\7\x08\x0b"), "not safetensors: header of"},
    };
#undef BYTES
    vc_tensor_file *file;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(
            vc_weights_open(&file, put("m.pth", cases[i].bytes, cases[i].count), VC_WEIGHTS_ANY),
            VC_EFORMAT, cases[i].message);
    assert_null(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(joins_shards, write_shards),
        cmocka_unit_test(shards_say_what_was_chosen),
        cmocka_unit_test_setup(refuses_an_index_that_lies, write_shards),
        cmocka_unit_test_setup(refuses_tensors_beside_the_index, write_shards),
        cmocka_unit_test(names_what_is_no_weights),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
