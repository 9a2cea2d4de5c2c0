#include "folders.h"

#include "../../src/data/cifar.h"
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

/* ---- pickles, opcode by opcode as Python 2 wrote them */

typedef struct pickled {
    unsigned char *bytes;
    size_t count;
} pickled;

static void add(pickled *p, const void *bytes, size_t count)
{
    memcpy(p->bytes + p->count, bytes, count);
    p->count += count;
}

#define ADD(p, text) add(p, text, sizeof(text) - 1)

/* A short string, with its place in the memo. */
static void add_text(pickled *p, const char *text, char memo)
{
    const char length = (char)strlen(text), put[] = {'q', memo};
    ADD(p, "U");
    add(p, &length, 1);
    add(p, text, strlen(text));
    add(p, put, 2);
}

/* `count` images, whose pixels are their numbers; labels are i % 10, or beyond the classes. */
static pickled make_batch(size_t count, const char *labels, const char *type, unsigned char more)
{
    pickled p = {malloc(count * (PIXELS + 2) + 1024), 0};
    const unsigned bytes = (unsigned)(count * PIXELS);
    const unsigned char rows[] = {'M', (unsigned char)count, 0, 'M', PIXELS & 255, PIXELS >> 8};
    const unsigned char size[] = {'T', (unsigned char)bytes, (unsigned char)(bytes >> 8),
                                  (unsigned char)(bytes >> 16), 0};
    ADD(&p, "\x80\2}q\1(");
    add_text(&p, "batch_label", 2);
    add_text(&p, "training batch 1 of 5", 3);
    add_text(&p, labels, 4);
    ADD(&p, "]q\5(");
    for (size_t i = 0; i < count; i++)
        add(&p, (unsigned char[]){'K', (unsigned char)(i % 10 + more)}, 2);
    ADD(&p, "e");
    add_text(&p, "data", 6);
    ADD(&p,
        "cnumpy.core.multiarray\n_reconstruct\nq\7cnumpy\nndarray\nq\x08K\0\x85U\1b\x87Rq\x09(K\1");
    add(&p, rows, sizeof rows);
    ADD(&p, "\x86"
            "cnumpy\ndtype\nq\x0aU\2");
    add(&p, type, 2);
    ADD(&p, "K\0K\1\x87Rq\x0b(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89");
    add(&p, size, sizeof size);
    for (size_t i = 0; i < count; i++)
        memset(p.bytes + p.count + i * PIXELS, (int)(200 + i), PIXELS);
    p.count += bytes;
    ADD(&p, "tb");
    add_text(&p, "filenames", 12);
    ADD(&p, "]q\x0d(");
    add_text(&p, "a.png", 14);
    ADD(&p, "eu.");
    return p;
}

static void put_pickle(const char *directory, const char *name, size_t count, const char *labels)
{
    const pickled p = make_batch(count, labels, "u1", 0);
    put_bytes(directory, name, p.bytes, p.count);
    free(p.bytes);
}

static void pickles_are_read(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    const char names[] = "\x80\2}q\1(U\x0blabel_namesq\2]q\3(U\3owlq\4U\3hen"
                         "U\1aU\1bU\1cU\1dU\1eU\1fU\1gU\1heu.";
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "cifar-10-batches-py/data_batch_%d", i);
        put_pickle(d, name, 2, "labels");
    }
    put_pickle(d, "cifar-10-batches-py/test_batch", 12, "labels");
    put_bytes(d, "cifar-10-batches-py/batches.meta", names, sizeof names - 1);
    vc_dataset data;
    assert_ok(vc_dataset_open(&data, d, "train"));
    assert_true(data.count == 10 && data.classes == 10 && data.width == 32);
    assert_int_equal(data.images[3 * PIXELS + 5], 201);
    assert_int_equal(data.labels[3], 1);
    vc_dataset_close(&data);
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_ok(vc_source_open(&source, joined(d, "cifar-10-batches-py"), &o));
    assert_int_equal(vc_source_count(source), 12);
    assert_int_equal(vc_source_label(source, 11), 1);
    assert_string_equal(vc_source_class_name(source, 1), "hen");
    vc_source_close(source);
}

static void cifar100_has_pickles_without_an_ending(void **state)
{
    (void)state;
    const char *d = fresh_directory(), *folders = fresh_directory();
    vc_dataset data;
    put_pickle(d, "train", 3, "fine_labels");
    assert_ok(vc_dataset_open(&data, d, "train"));
    assert_true(data.count == 3 && data.classes == 100 && data.labels[2] == 2);
    vc_dataset_close(&data);
    assert_fails(vc_dataset_open(&data, d, "test"), VC_EABSENT, "holds no test");
    put(folders, "train/cat/1.png"); /* folders of these names are splits */
    vc_source *source;
    const vc_source_options o = {.split = "train", .labelled = 1};
    assert_ok(vc_source_open(&source, folders, &o));
    assert_null(vc_source_dataset(source));
    vc_source_close(source);
}

static void expect_refused(const pickled *p, size_t count, const char *text)
{
    const char *d = fresh_directory();
    vc_dataset data;
    put_bytes(d, "train", p->bytes, count);
    assert_fails(vc_dataset_open(&data, d, "train"), VC_EFORMAT, text);
    assert_null(data.images);
}

static void broken_pickles_are_refused(void **state)
{
    (void)state;
    pickled p = make_batch(2, "labels", "u1", 0);
    expect_refused(&p, p.count, "2 images of 3072 values and 0 'fine_labels'");
    free(p.bytes);
    p = make_batch(2, "fine_labels", "u1", 99);
    expect_refused(&p, p.count, "image 1 has label 100, wanted less than 100");
    free(p.bytes);
    p = make_batch(2, "fine_labels", "f4", 0);
    expect_refused(&p, p.count, "'data' is no array of uint8");
    free(p.bytes);
    p = make_batch(2, "fine_labels", "u1", 0);
    expect_refused(&p, 5000, "truncated");
    expect_refused(&p, p.count - 1, "truncated");
    unsigned char *at = p.bytes;
    while (memcmp(at, "M\2", 2) != 0)
        at++;
    at[1] = 3; /* rows */
    expect_refused(&p, p.count, "'data' has 6144 bytes, wanted 3 x 3072");
    at[1] = 2;
    while (memcmp(at, "dtype", 5) != 0)
        at++;
    memcpy(at, "evals", 5);
    expect_refused(&p, p.count, "the pickle wants 'numpy.evals'");
    free(p.bytes);
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

/* Between the look and the reading somebody may have removed it. */
static void what_is_gone_is_absent(void **state)
{
    (void)state;
    vc_dataset data;
    assert_fails(vc__cifar_read(&data, fresh_directory(), "train"), VC_EABSENT,
                 "neither CIFAR-10 nor CIFAR-100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pickles_are_read),
                                       cmocka_unit_test(cifar100_has_pickles_without_an_ending),
                                       cmocka_unit_test(broken_pickles_are_refused),
                                       cmocka_unit_test(cifar10_in_its_folder),
                                       cmocka_unit_test(cifar100_is_labelled_by_its_fine_classes),
                                       cmocka_unit_test(refuses_damaged_batches),
                                       cmocka_unit_test(what_is_gone_is_absent)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
