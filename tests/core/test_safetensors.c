#include "testing.h"
#include "vitcod/safetensors.h"

static void put(const char *path, const char *header, size_t data_bytes)
{
    unsigned char bytes[2048] = {0};
    size_t length = strlen(header);
    bytes[0] = (unsigned char)(length & 255);
    bytes[1] = (unsigned char)(length >> 8);
    memcpy(bytes + 8, header, length);
    write_bytes(path, bytes, 8 + length + data_bytes);
}

static void refuses(const char *header, size_t data_bytes, const char *message)
{
    vc_tensor_file *file;
    put(temporary("bad.safetensors"), header, data_bytes);
    assert_fails(vc_safetensors_open(&file, temporary("bad.safetensors")), VC_EFORMAT, message);
}

static void round_trip(void **state)
{
    (void)state;
    float a[] = {1, 2, 3, 4, 5, 6};
    int32_t b[] = {7, 8};
    const vc_named_tensor tensors[] = {{"a.weight", {VC_F32, 2, {2, 3}, a}},
                                       {"b", {VC_I32, 1, {2}, b}}};
    const vc_metadata metadata[] = {{"key", "value \"quoted\""}};
    vc_tensor_file *file;
    const vc_tensor *found;
    const size_t shape[] = {2, 3}, wrong[] = {3, 2};
    assert_ok(vc_safetensors_write(temporary("a.safetensors"), tensors, 2, metadata, 1));
    assert_ok(vc_safetensors_open(&file, temporary("a.safetensors")));
    assert_int_equal(vc_tensor_file_count(file), 2);
    assert_string_equal(vc_tensor_file_metadata(file, "key"), "value \"quoted\"");
    assert_null(vc_tensor_file_metadata(file, "other"));
    assert_ok(vc_tensor_file_get(&found, file, "a.weight", VC_F32, 2, shape));
    assert_memory_equal(found->data, a, sizeof a);
    assert_fails(vc_tensor_file_get(&found, file, "a.weight", VC_F32, 2, wrong), VC_EFORMAT,
                 "(2, 3), wanted F32 (3, 2)");
    assert_fails(vc_tensor_file_get(&found, file, "c", VC_F32, 2, shape), VC_EFORMAT,
                 "no tensor 'c'");
    vc_tensor_file_close(file);
}

/* Of an odd number of floats, and doubles behind them. */
static void wide_values_lie_at_multiples_of_their_size(void **state)
{
    (void)state;
    float odd[3] = {1.0f, 2.0f, 3.0f};
    double wide[2] = {4.0, 5.0};
    uint8_t bytes[5] = {6, 7, 8, 9, 10};
    const vc_named_tensor tensors[] = {{"odd", {VC_F32, 1, {3}, odd}},
                                       {"bytes", {VC_U8, 1, {5}, bytes}},
                                       {"wide", {VC_F64, 1, {2}, wide}}};
    const vc_tensor *t;
    vc_tensor_file *file;
    assert_ok(vc_safetensors_write(temporary("wide.safetensors"), tensors, 3, NULL, 0));
    assert_ok(vc_safetensors_open(&file, temporary("wide.safetensors")));
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(t = vc_tensor_file_find(file, tensors[i].name));
        assert_memory_equal(t->data, tensors[i].tensor.data,
                            vc_tensor_count(t) * vc_dtype_bytes(t->dtype));
    }
    vc_tensor_file_close(file);
}

static void refuses_what_does_not_add_up(void **state)
{
    (void)state;
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "truncated");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12,
            "12 bytes of data");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "(3)");
    refuses("{\"a\":{\"dtype\":\"F9\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype F9");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "sizes");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[4,12]}}",
            12, "overlap");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, "gap");
    refuses("{\"a\":", 0, "JSON");
    refuses("[]", 0, "JSON object");
    refuses("{\"__metadata__\":{\"a\":1}}", 0, "not a string");
    refuses("{\"__metadata__\":[\"x\"]}", 0, "not an object");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[\"zero\",8]}}", 8,
            "not made of sizes");
    vc_tensor_file *file;
    write_bytes(temporary("s.safetensors"), "\1\2\3", 3);
    assert_fails(vc_safetensors_open(&file, temporary("s.safetensors")), VC_EFORMAT, "too short");
    write_bytes(temporary("s.safetensors"), "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    assert_fails(vc_safetensors_open(&file, temporary("s.safetensors")), VC_EFORMAT, "header of");
}

static void metadata_may_be_null(void **state)
{
    (void)state;
    vc_tensor_file *file;
    put(temporary("null.safetensors"),
        "{\"__metadata__\":null,\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        8);
    assert_ok(vc_safetensors_open(&file, temporary("null.safetensors")));
    assert_int_equal(vc_tensor_file_count(file), 1);
    assert_null(vc_tensor_file_metadata(file, "key"));
    vc_tensor_file_close(file);
}

static void two_tensors_need_two_names(void **state)
{
    (void)state;
    float a[] = {1};
    const vc_named_tensor twice[] = {{"a", {VC_F32, 1, {1}, a}}, {"a", {VC_F32, 1, {1}, a}}};
    assert_fails(vc_safetensors_write(temporary("t.safetensors"), twice, 2, NULL, 0), VC_EINVAL,
                 "same name");
    assert_int_not_equal(access(temporary("t.safetensors"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(wide_values_lie_at_multiples_of_their_size),
        cmocka_unit_test(refuses_what_does_not_add_up), cmocka_unit_test(metadata_may_be_null),
        cmocka_unit_test(two_tensors_need_two_names)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
