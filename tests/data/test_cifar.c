#include "folders.h"
#include "vitcod/source.h"

enum { PIXELS = 3 * 32 * 32 };

/* `count` records; pixels of image i are i, labels i % 10 (coarse ones 99). */
static void put_batch(const char *directory, const char *name, size_t count, size_t label_bytes)
{
    size_t record = label_bytes + PIXELS;
    unsigned char *bytes = malloc(count * record);
    for (size_t i = 0; i < count; i++) {
        memset(bytes + i * record, (int)i, record);
        bytes[i * record] = 19;
        bytes[i * record + label_bytes - 1] = (unsigned char)(i % 10);
    }
    put_bytes(directory, name, bytes, count * record);
    free(bytes);
}

static void cifar10_in_its_folder(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    const char *names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "cifar-10-batches-bin/data_batch_%d.bin", i);
        put_batch(d, name, 2, 1);
    }
    put_batch(d, "cifar-10-batches-bin/test_batch.bin", 12, 1);
    put_bytes(d, "cifar-10-batches-bin/batches.meta.txt", names, strlen(names));
    vc_dataset data;
    assert_ok(vc_dataset_open(&data, d, "train"));
    assert_true(data.count == 10 && data.channels == 3 && data.height == 32 && data.width == 32);
    assert_int_equal(data.classes, 10);
    assert_int_equal(data.labels[3], 1);
    assert_int_equal(data.images[3 * PIXELS + 5], 1);
    vc_dataset_close(&data);

    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_ok(vc_source_open(&source, joined(d, "cifar-10-batches-bin"), &o));
    assert_int_equal(vc_source_count(source), 12);
    assert_int_equal(vc_source_label(source, 11), 1);
    assert_string_equal(vc_source_class_name(source, 9), "truck");
    vc_source_close(source);
}

static void cifar100_is_labelled_by_its_fine_classes(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put_batch(d, "test.bin", 3, 2);
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_ok(vc_source_open(&source, d, &o));
    assert_int_equal(vc_source_classes(source), 100);
    assert_int_equal(vc_source_label(source, 2), 2);
    assert_int_equal(vc_source_dataset(source)->images[2 * PIXELS], 2);
    assert_string_equal(vc_source_class_name(source, 0), "");
    vc_source_close(source);
    o.split = "train";
    assert_fails(vc_source_open(&source, d, &o), VC_EABSENT, "holds no train.bin");
}

static void refuses_damaged_batches(void **state)
{
    (void)state;
    vc_dataset data;
    const char *d = fresh_directory();
    unsigned char record[1 + PIXELS] = {10};
    put_bytes(d, "test_batch.bin", record, sizeof record);
    assert_fails(vc_dataset_open(&data, d, "test"), VC_EFORMAT,
                 "test_batch.bin: image 0 has label 10, wanted less than 10");
    put_bytes(d, "test_batch.bin", record, sizeof record - 1);
    assert_fails(vc_dataset_open(&data, d, "test"), VC_EFORMAT,
                 "has 3072 bytes, wanted a multiple");
    put_batch(d, "cifar-100-binary/test.bin", 1, 2);
    assert_fails(vc_dataset_open(&data, d, "test"), VC_EFORMAT, "more than one of CIFAR-10 and");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cifar10_in_its_folder),
                                       cmocka_unit_test(cifar100_is_labelled_by_its_fine_classes),
                                       cmocka_unit_test(refuses_damaged_batches)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
