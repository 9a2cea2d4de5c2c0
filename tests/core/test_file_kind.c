/* What files are, by their bytes, and what is said of one that was not wanted. */
#include "testing.h"
#include "vitcod/file_kind.h"
#include "vitcod/npy.h"
#include "vitcod/safetensors.h"

#define FILE_PATH temporary("some")

static vc_file_kind kind_of_text(const char *text)
{
    write_bytes(FILE_PATH, text, strlen(text));
    return vc_file_kind_of(FILE_PATH);
}

static vc_file_kind kind_of_array(vc_dtype dtype, size_t rank, const void *values)
{
    static const size_t shape[] = {1, 1, 2, 2};
    vc_tensor tensor = {.dtype = dtype, .rank = rank, .data = (void *)values};
    memcpy(tensor.shape, shape + 4 - rank, rank * sizeof *shape);
    assert_ok(vc_npy_write(FILE_PATH, &tensor));
    return vc_file_kind_of(FILE_PATH);
}

static vc_file_kind kind_of_tensors(const char *name, const char *key, const char *value)
{
    static float one = 1.0f;
    const vc_named_tensor tensor = {name, {VC_F32, 1, {1}, &one}};
    const vc_metadata metadata[] = {{key, value}, {"input_mean", "0.5"}};
    assert_ok(vc_safetensors_write(FILE_PATH, &tensor, 1, metadata, key ? 2 : 0));
    return vc_file_kind_of(FILE_PATH);
}

static void arrays(void **state)
{
    (void)state;
    static const float scores[] = {0.5f, 0.5f, 0.25f, 0.75f}, wide[] = {1, 1, 1, 1},
                       pixels[] = {-1, 1, 0, 0};
    assert_int_equal(kind_of_array(VC_BOOL, 4, "\0\1\1"), VC_FILE_MASK);
    assert_fails(vc_file_refuse_path(FILE_PATH, "a model"), VC_EFORMAT,
                 "some: is a mask, BOOL (1, 1, 2, 2), wanted a model; --mask takes it");
    assert_int_equal(kind_of_array(VC_F32, 4, scores), VC_FILE_MAPS);
    assert_int_equal(kind_of_array(VC_F32, 4, wide), VC_FILE_SCORES);
    assert_int_equal(kind_of_array(VC_F32, 4, pixels), VC_FILE_ARRAY);
    assert_int_equal(kind_of_array(VC_F32, 2, pixels), VC_FILE_LOGITS);
    assert_int_equal(kind_of_array(VC_BOOL, 2, "\0\1\1"), VC_FILE_ARRAY);
}

static void tensors(void **state)
{
    (void)state;
    static const char *const names[] = {"vitcod-plan", "vitcod-attention", "vitcod-checkpoint"};
    static const vc_file_kind kinds[] = {VC_FILE_PLAN, VC_FILE_STATISTICS, VC_FILE_CHECKPOINT};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kind_of_tensors("a", "format", names[i]), kinds[i]);
    assert_fails(vc_file_refuse_path(FILE_PATH, "a model"), VC_EFORMAT,
                 "some: is a checkpoint of learning, wanted a model; train --resume");
    assert_int_equal(kind_of_tensors("a", "architecture", "deit"), VC_FILE_MODEL);
    assert_int_equal(kind_of_tensors("a", "format", "pt"), VC_FILE_TENSORS);
    assert_int_equal(kind_of_tensors("blocks.0.attn.encoder_q.bias", NULL, NULL),
                     VC_FILE_AUTOENCODER);
}

static void texts(void **state)
{
    (void)state;
    assert_int_equal(kind_of_text("{\n \"verb\": \"bench\", \"command\": \"\"}"), VC_FILE_RESULT);
    assert_int_equal(kind_of_text("{\"epoch\":1,\"loss\":2}"), VC_FILE_LOG);
    assert_int_equal(kind_of_text("{\"sweep_hash\":\"0\"}"), VC_FILE_POINTS);
    assert_int_equal(kind_of_text("{\"displayTimeUnit\": \"ns\"}"), VC_FILE_TRACE);
    assert_int_equal(kind_of_text("{\"heads\": [], \"verb\": \"calibrate --curves\"}"),
                     VC_FILE_CURVES);
    assert_int_equal(kind_of_text("0x100 READ 0\n"), VC_FILE_REQUESTS);
    assert_int_equal(kind_of_text("# clock command channel, as DRAMsim3"), VC_FILE_COMMANDS);
    assert_int_equal(kind_of_text("// An accelerator's parameters\n`define VITCOD_LINES 64\n"),
                     VC_FILE_RTL_PARAMETERS);
    assert_int_equal(kind_of_text("<html><footer><p>Written by vitcod</html>"), VC_FILE_PAGE);
    assert_int_equal(kind_of_text("\x08\x08\x12\x06vitcod\x1a\x05more"), VC_FILE_ONNX);
    assert_int_equal(kind_of_text("# mine\nname: a\nlike: vitcod.yaml\nmemory:\n  model: dram\n"),
                     VC_FILE_CHIP);
    assert_int_equal(kind_of_text("\xef\xbb\xbfname: a\r\nmacs_per_line: 8"), VC_FILE_CHIP);
    assert_int_equal(kind_of_text("model:  bandwidth\nname: a\n"), VC_FILE_MEMORY);
    assert_fails(vc_file_refuse_path(FILE_PATH, "a chip"), VC_EFORMAT,
                 "some: is a memory (YAML), wanted a chip; --memory takes it");
    assert_int_equal(kind_of_text("masks: a\naxes:\n  like: b\n"), VC_FILE_SPACE);
    assert_int_equal(kind_of_text("lr: 1e-4"), VC_FILE_SETTINGS);
    assert_int_equal(kind_of_text("model: other\naxes of it: 1\n like: b\nlr"), VC_FILE_OTHER);
    assert_int_equal(kind_of_text("\x01\nlike: b\n"), VC_FILE_OTHER); /* no text */
    assert_int_equal(kind_of_text("{\"a\": 1}"), VC_FILE_OTHER);
    assert_int_equal(kind_of_text("\x93NUMPY\1\0"), VC_FILE_OTHER);
    assert_int_equal(vc_file_kind_of(temporary("nothing")), VC_FILE_OTHER);
    assert_ok(vc_file_refuse_path(temporary("nothing"), "a model"));
}

static void folders(void **state)
{
    (void)state;
    static const char *const names[] = {"folder/a", "folder/b", "folder/c", "folder/d"};
    assert_ok(vc_directory_make(temporary("folder")));
    assert_fails(vc_file_refuse_path(temporary("folder"), "a model"), VC_EFORMAT,
                 "folder: is a folder (empty), wanted a model");
    for (size_t i = 0; i < 4; i++)
        write_bytes(temporary(names[i]), "x", 1);
    assert_fails(vc_file_refuse_folder(temporary("folder"), "a model"), VC_EFORMAT,
                 "folder: is a folder (a, b, c, ..), wanted a model");
    assert_ok(vc_file_refuse_folder(temporary("folder/a"), "a model"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arrays), cmocka_unit_test(tensors),
                                       cmocka_unit_test(texts), cmocka_unit_test(folders)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
