#include <zlib.h>

#include "folders.h"
#include "vitcod/data.h"
#include "vitcod/idx.h"

static const unsigned char images[] = {0, 0, 8, 3, 0, 0,  0,   2,   0,   0,   0, 2,
                                       0, 0, 0, 2, 0, 51, 102, 153, 204, 255, 1, 2};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 1};

static void plain_and_gzipped(void **state)
{
    (void)state;
    vc_tensor a, b;
    const size_t shape[] = {2, 2, 2};
    write_bytes(temporary("i"), images, sizeof images);
    gzFile gz = gzopen(temporary("i.gz"), "wb");
    gzwrite(gz, images, sizeof images);
    gzclose(gz);
    assert_ok(vc_idx_read(&a, temporary("i")));
    assert_ok(vc_idx_read(&b, temporary("i.gz")));
    assert_true(vc_tensor_has(&a, VC_U8, 3, shape) && vc_tensor_has(&b, VC_U8, 3, shape));
    assert_memory_equal(a.data, images + 16, 8);
    assert_memory_equal(b.data, images + 16, 8);
    free(a.data);
    free(b.data);
}

static void refuses_bad_files(void **state)
{
    (void)state;
    vc_tensor t;
    unsigned char longer[sizeof images + 1] = {0}, wrong[sizeof images];
    memcpy(longer, images, sizeof images);
    memcpy(wrong, images, sizeof images);
    write_bytes(temporary("short"), images, sizeof images - 1);
    assert_fails(vc_idx_read(&t, temporary("short")), VC_EFORMAT, "7 of 8");
    write_bytes(temporary("long"), longer, sizeof longer);
    assert_fails(vc_idx_read(&t, temporary("long")), VC_EFORMAT, "longer than");
    wrong[4] = 0x7f; /* 2^31 images */
    write_bytes(temporary("claim"), wrong, sizeof wrong);
    assert_fails(vc_idx_read(&t, temporary("claim")), VC_EFORMAT,
                 "8522825736 values in the header");
    wrong[2] = 9;
    write_bytes(temporary("wrong"), wrong, sizeof wrong);
    assert_fails(vc_idx_read(&t, temporary("wrong")), VC_EFORMAT, "00 00 09");
    assert_fails(vc_idx_read(&t, temporary("none")), VC_EIO, "cannot open");
}

static void dataset_and_batches(void **state)
{
    (void)state;
    vc_dataset data;
    write_bytes(temporary("train-images-idx3-ubyte"), images, sizeof images);
    write_bytes(temporary("train-labels-idx1-ubyte"), labels, sizeof labels);
    assert_ok(vc_dataset_open(&data, temporary(""), "train"));
    assert_int_equal(data.count, 2);
    assert_int_equal(data.classes, 4);
    assert_int_equal(data.labels[0], 3);
    assert_int_equal(data.labels[1], 1);
    assert_memory_equal(data.images, images + 16, 8);
    vc_dataset_close(&data);
    assert_fails(vc_dataset_open(&data, temporary(""), "test"), VC_EABSENT, "t10k");
}

static const unsigned char other[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};

/* Puts images and labels under a name each, and expects them behind a path. */
static void put_pair(const char *directory, const char *of_images, const char *of_labels,
                     const unsigned char *what)
{
    put_bytes(directory, of_images, images, sizeof images);
    put_bytes(directory, of_labels, what, sizeof labels);
}

static void expect_labels(const char *path, const char *split, int first, int second)
{
    vc_dataset data;
    assert_ok(vc_dataset_open(&data, path, split));
    assert_int_equal(data.count, 2);
    assert_int_equal(data.labels[0], first);
    assert_int_equal(data.labels[1], second);
    vc_dataset_close(&data);
}

static void other_names_are_known(void **state)
{
    (void)state;
    const char *dotted = fresh_directory(), *torch = fresh_directory();
    put_pair(dotted, "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", labels);
    put_pair(dotted, "train-images.idx3-ubyte", "train-labels.idx1-ubyte", other);
    expect_labels(dotted, "test", 3, 1);
    expect_labels(dotted, "train", 0, 1);
    put_pair(torch, "FashionMNIST/raw/t10k-images-idx3-ubyte",
             "FashionMNIST/raw/t10k-labels-idx1-ubyte", labels);
    expect_labels(torch, "test", 3, 1);
    expect_labels(joined(torch, "FashionMNIST"), "test", 3, 1);
    expect_labels(joined(torch, "FashionMNIST/raw"), "test", 3, 1);
    vc_dataset data;
    assert_fails(vc_dataset_open(&data, torch, "train"), VC_EABSENT,
                 "holds no train-images-idx3-ubyte, by whatever name");
    assert_fails(vc_dataset_open(&data, torch, "val"), VC_EABSENT,
                 "has no split 'val', wanted train or test");
    put(torch, "MNIST/raw/t10k-images-idx3-ubyte");
    assert_fails(vc_dataset_open(&data, torch, "test"), VC_EFORMAT, "holds several data sets");
    assert_fails(vc_dataset_open(&data, joined(torch, "MNIST"), "test"), VC_EFORMAT,
                 "no labels lie beside it, wanted t10k-labels-idx1-ubyte");
}

/* EMNIST has several data sets in one folder. */
static void a_file_names_one_of_several(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    vc_dataset data;
    put_pair(d, "emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte",
             labels);
    put_pair(d, "emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte",
             other);
    expect_labels(d, "train", 3, 1);
    put_pair(d, "emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte",
             other);
    assert_fails(vc_dataset_open(&data, d, "train"), VC_EFORMAT,
                 "holds several data sets: wanted the file of the images of one, as");
    const char *file = joined(d, "emnist-letters-train-images-idx3-ubyte");
    expect_labels(file, "train", 3, 1);
    expect_labels(file, "test", 0, 1);
    expect_labels(joined(d, "emnist-digits-train-images-idx3-ubyte"), "train", 0, 1);
    put(d, "emnist-letters-train-images-idx3-ubyte.gz"); /* the plain one counts */
    expect_labels(file, "train", 3, 1);
}

/* A gzip file ends with its checksum; without it the data cannot be trusted. */
static void a_gzip_file_without_its_end_is_refused(void **state)
{
    (void)state;
    const unsigned char idx[] = {0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4};
    unsigned char bytes[256];
    vc_tensor tensor;
    gzFile out = gzopen(temporary("whole.gz"), "wb");
    assert_int_equal(gzwrite(out, idx, sizeof idx), sizeof idx);
    gzclose(out);
    assert_ok(vc_idx_read(&tensor, temporary("whole.gz")));
    free(tensor.data);
    FILE *in = fopen(temporary("whole.gz"), "rb");
    size_t count = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    for (size_t cut = 1; cut <= 8; cut += 7) {
        write_bytes(temporary("cut.gz"), bytes, count - cut);
        assert_fails(vc_idx_read(&tensor, temporary("cut.gz")), VC_EFORMAT, "truncated");
    }
    bytes[count - 6] ^= 1;
    write_bytes(temporary("cut.gz"), bytes, count);
    assert_fails(vc_idx_read(&tensor, temporary("cut.gz")), VC_EFORMAT, "damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain_and_gzipped),
                                       cmocka_unit_test(refuses_bad_files),
                                       cmocka_unit_test(dataset_and_batches),
                                       cmocka_unit_test(other_names_are_known),
                                       cmocka_unit_test(a_file_names_one_of_several),
                                       cmocka_unit_test(a_gzip_file_without_its_end_is_refused)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
