#include "testing.h"
#include "vitcod/npy.h"

static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

/* As numpy.save writes it: magic, version 1.0, header length, header padded with spaces. */
static size_t by_hand(unsigned char out[256], const char *text, size_t values)
{
    memset(out, ' ', 256);
    memcpy(out, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(out + 10, text, strlen(text));
    out[127] = '\n';
    float data[16] = {1.5f, -2.0f, 3.0f, 4.0f, 5.0f, 6.25f};
    memcpy(out + 128, data, values * sizeof(float));
    return 128 + values * sizeof(float);
}

static void reads_what_numpy_writes(void **state)
{
    (void)state;
    unsigned char bytes[256];
    vc_npy npy;
    write_bytes(temporary("a.npy"), bytes, by_hand(bytes, header, 6));
    assert_ok(vc_npy_open(&npy, temporary("a.npy")));
    const size_t shape[] = {2, 3};
    assert_true(vc_tensor_has(&npy.tensor, VC_F32, 2, shape));
    assert_true(((float *)npy.tensor.data)[5] == 6.25f);
    vc_npy_close(&npy);
}

static void round_trip(void **state)
{
    (void)state;
    int32_t values[] = {1, -2, 3, 4};
    const vc_tensor tensor = {VC_I32, 3, {2, 1, 2}, values};
    vc_npy npy;
    assert_ok(vc_npy_write(temporary("b.npy"), &tensor));
    assert_ok(vc_npy_open(&npy, temporary("b.npy")));
    assert_true(vc_tensor_has(&npy.tensor, VC_I32, 3, tensor.shape));
    assert_memory_equal(npy.tensor.data, values, sizeof values);
    vc_npy_close(&npy);
}

/* Byte for byte, so that masks can be compared with cmp. */
static void writes_what_numpy_writes(void **state)
{
    (void)state;
    unsigned char want[256], have[256];
    float values[] = {1.5f, -2.0f, 3.0f, 4.0f, 5.0f, 6.25f};
    const vc_tensor matrix = {VC_F32, 2, {2, 3}, values}, vector = {VC_F32, 1, {6}, values};
    const vc_tensor *const tensors[] = {&matrix, &vector};
    const char *const headers[] = {header,
                                   "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"};
    for (int i = 0; i < 2; i++) {
        size_t bytes = by_hand(want, headers[i], 6);
        assert_ok(vc_npy_write(temporary("e.npy"), tensors[i]));
        FILE *file = fopen(temporary("e.npy"), "rb");
        assert_non_null(file);
        assert_int_equal(fread(have, 1, sizeof have, file), bytes);
        fclose(file);
        assert_memory_equal(have, want, bytes);
    }
}

static void refuses(const char *text, size_t values, const char *message)
{
    unsigned char bytes[256];
    vc_npy npy;
    write_bytes(temporary("c.npy"), bytes, by_hand(bytes, text, values));
    assert_fails(vc_npy_open(&npy, temporary("c.npy")), VC_EFORMAT, message);
}

static void refuses_what_does_not_add_up(void **state)
{
    (void)state;
    refuses(header, 5, "20 bytes of data");
    refuses(header, 7, "28 bytes of data");
    refuses("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 6, "'>f4'");
    refuses("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 6, "Fortran");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, x), }", 6, "'shape'");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 6,
            "bytes of data");
    vc_npy npy;
    write_bytes(temporary("d.npy"), "not numpy at all", 16);
    assert_fails(vc_npy_open(&npy, temporary("d.npy")), VC_EFORMAT, "magic");
    assert_fails(vc_npy_open(&npy, temporary("nowhere.npy")), VC_EIO, "cannot open");
}

static void unwritable_paths_fail_and_leave_nothing(void **state)
{
    (void)state;
    float values[4096] = {0};
    const vc_tensor tensor = {VC_F32, 1, {4096}, values};
    assert_fails(vc_npy_write(temporary("no/such/dir.npy"), &tensor), VC_EIO, "cannot write");
    assert_int_not_equal(access(temporary("no"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_writes), cmocka_unit_test(round_trip),
        cmocka_unit_test(writes_what_numpy_writes), cmocka_unit_test(refuses_what_does_not_add_up),
        cmocka_unit_test(unwritable_paths_fail_and_leave_nothing)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
