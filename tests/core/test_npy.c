#include <zip.h>

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

/* Values of a file in other orders and widths: as little endian, in C order. */
static void reads(const char *descr, const char *order, const char *shape, const void *data,
                  size_t bytes, const vc_tensor *want)
{
    unsigned char file[256];
    char text[160];
    vc_npy npy;
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr,
             order, shape);
    by_hand(file, text, 0);
    memcpy(file + 128, data, bytes);
    write_bytes(temporary("f.npy"), file, 128 + bytes);
    assert_ok(vc_npy_open(&npy, temporary("f.npy")));
    assert_true(vc_tensor_has(&npy.tensor, want->dtype, want->rank, want->shape));
    assert_memory_equal(npy.tensor.data, want->data,
                        vc_tensor_count(want) * vc_dtype_bytes(want->dtype));
    vc_npy_close(&npy);
}

static void reads_other_orders(void **state)
{
    (void)state;
    int32_t values[] = {1, -2, 3, 4, 5, 6};
    const vc_tensor want = {VC_I32, 2, {2, 3}, values};
    const int32_t columns[] = {1, 4, -2, 5, 3, 6};
    int16_t narrow[] = {1, -2, 3, 4, 5, 6};
    unsigned char turned[6][4];
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 4; k++)
            turned[i][k] = (unsigned char)((uint32_t)columns[i] >> 8 * (3 - k));
    reads("<i4", "False", "2, 3", values, sizeof values, &want);
    reads("<i4", "False", "2L, 3L", values, sizeof values, &want); /* of Python 2 */
    reads("<i4", "True", "2, 3", columns, sizeof columns, &want);
    reads(">i4", "True", "2, 3", turned, sizeof turned, &want);
    reads("<i2", "False", "2, 3", narrow, sizeof narrow, &want);
    /* Three axes, of which the first runs fastest. */
    uint8_t cube[24], file[24];
    for (uint8_t i = 0; i < 24; i++) {
        cube[i] = i;
        file[i / 12 + i / 4 % 3 * 2 + i % 4 * 6] = i;
    }
    const vc_tensor bytes = {VC_U8, 3, {2, 3, 4}, cube};
    reads("|u1", "True", "2, 3, 4", file, sizeof file, &bytes);
}

static void reads_unsigned_ones(void **state)
{
    (void)state;
    const uint16_t shorts[] = {0, 65535};
    const uint32_t words[] = {7, 4294967295u};
    uint64_t longs[] = {7, INT64_MAX};
    int32_t want16[] = {0, 65535};
    int64_t want32[] = {7, 4294967295};
    reads("<u2", "False", "2,", shorts, sizeof shorts, &(vc_tensor){VC_I32, 1, {2}, want16});
    reads("<u4", "False", "2,", words, sizeof words, &(vc_tensor){VC_I64, 1, {2}, want32});
    reads("<u8", "False", "2,", longs, sizeof longs, &(vc_tensor){VC_I64, 1, {2}, longs});
    unsigned char file[256];
    vc_npy npy;
    by_hand(file, "{'descr': '<u8', 'fortran_order': False, 'shape': (2,), }", 0);
    longs[1]++;
    memcpy(file + 128, longs, sizeof longs);
    write_bytes(temporary("g.npy"), file, 128 + sizeof longs);
    assert_fails(vc_npy_open(&npy, temporary("g.npy")), VC_EFORMAT,
                 "9223372036854775808 at flat index 1");
}

static void values_of_all_dtypes(void **state)
{
    (void)state;
    const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x7e00, 0x8000};
    const double want[] = {1.0, -2.0, 0x1p-24, 65504.0, -INFINITY, NAN, -0.0};
    const vc_tensor t = {VC_F16, 1, {7}, (void *)halves};
    for (size_t i = 0; i < 7; i++) {
        const double have = vc_tensor_value(&t, i);
        if (!(have == want[i] || (isnan(have) && isnan(want[i]))))
            fail_msg("half %zu is %g, wanted %g", i, have, want[i]);
    }
    const uint16_t bfloat = 0xc040;
    const int8_t byte = -3;
    const int64_t big = -5;
    assert_true(vc_tensor_value(&(vc_tensor){VC_BF16, 0, {0}, (void *)&bfloat}, 0) == -3.0);
    assert_true(vc_tensor_value(&(vc_tensor){VC_I8, 0, {0}, (void *)&byte}, 0) == -3.0);
    assert_true(vc_tensor_value(&(vc_tensor){VC_I64, 0, {0}, (void *)&big}, 0) == -5.0);
}

/* A zip archive of `count` entries; their bytes must stay until it is written. */
static void write_archive(const char *path, const void *bytes, size_t length, int count,
                          zip_int32_t method)
{
    unlink(path);
    zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
    assert_non_null(zip);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "arr_%d.npy", i);
        const zip_int64_t at = zip_file_add(zip, name, zip_source_buffer(zip, bytes, length, 0), 0);
        assert_true(at == i);
        assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)i, method, 0), 0);
    }
    assert_int_equal(zip_close(zip), 0);
}

static void reads_an_archive_of_one(void **state)
{
    (void)state;
    static unsigned char bytes[256], file[512];
    const char *path = temporary("h.npz");
    const size_t length = by_hand(bytes, header, 6), shape[] = {2, 3};
    const zip_int32_t methods[] = {ZIP_CM_STORE, ZIP_CM_DEFLATE};
    vc_npy npy;
    for (int i = 0; i < 2; i++) {
        write_archive(path, bytes, length, 1, methods[i]);
        assert_ok(vc_npy_open(&npy, path));
        assert_true(vc_tensor_has(&npy.tensor, VC_F32, 2, shape));
        assert_true(((float *)npy.tensor.data)[5] == 6.25f);
        vc_npy_close(&npy);
    }
    FILE *stream = fopen(path, "rb");
    const size_t whole = fread(file, 1, sizeof file, stream);
    fclose(stream);
    for (size_t cut = 4; cut < whole; cut += 7) {
        write_bytes(path, file, cut);
        assert_fails(vc_npy_open(&npy, path), VC_EFORMAT, "npz");
    }
    for (size_t at = 30; at < whole; at += 3) { /* a checksum or a size says so */
        file[at] ^= 0x55;
        write_bytes(path, file, whole);
        if (vc_npy_open(&npy, path) == VC_OK)
            vc_npy_close(&npy);
        file[at] ^= 0x55;
    }
    write_archive(path, bytes, length, 2, ZIP_CM_STORE);
    assert_fails(vc_npy_open(&npy, path), VC_EFORMAT, "2 arrays in the npz archive (arr_0.npy, ");
    write_archive(path, "no array at all", 15, 1, ZIP_CM_STORE);
    assert_fails(vc_npy_open(&npy, path), VC_EFORMAT, "is no npy file");
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
    refuses("{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", 6, "'<c8'");
    refuses("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", 4, "'<f16'");
    refuses("{'descr': '', 'fortran_order': False, 'shape': (6,), }", 6, "npy dtype ''");
    refuses("{'descr': '<f4x', 'fortran_order': False, 'shape': (6,), }", 6, "'<f4x'");
    refuses("{'descr': '|O', 'fortran_order': False, 'shape': (6,), }", 6, "Python objects");
    refuses("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }", 6, "fields");
    refuses("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3), }", 6, "fortran_order");
    refuses("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }", 6, "24 bytes of data");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (2, x), }", 6, "'shape'");
    refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 6,
            "bytes of data");
    vc_npy npy;
    write_bytes(temporary("d.npy"), "not numpy at all", 16);
    assert_fails(vc_npy_open(&npy, temporary("d.npy")), VC_EFORMAT,
                 "is text that begins 'not numpy at all', wanted an npy array");
    write_bytes(temporary("d.npy"), "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    assert_fails(vc_npy_open(&npy, temporary("d.npy")), VC_EFORMAT, "magic");
    write_bytes(temporary("d.npy"), "version https://git-lfs.github.com/spec/v1\n", 43);
    assert_fails(vc_npy_open(&npy, temporary("d.npy")), VC_EFORMAT, "is a git-lfs pointer, wanted");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_numpy_writes),
                                       cmocka_unit_test(round_trip),
                                       cmocka_unit_test(reads_other_orders),
                                       cmocka_unit_test(reads_unsigned_ones),
                                       cmocka_unit_test(values_of_all_dtypes),
                                       cmocka_unit_test(reads_an_archive_of_one),
                                       cmocka_unit_test(writes_what_numpy_writes),
                                       cmocka_unit_test(refuses_what_does_not_add_up),
                                       cmocka_unit_test(unwritable_paths_fail_and_leave_nothing)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
