#include "folders.h"
#include "vitcod/source.h"

#include <zlib.h>

enum { BLOCK = 512, ROOM = 1 << 16 };

typedef struct archive {
    unsigned char bytes[ROOM];
    size_t count;
} archive;

/* The checksum counts itself as blanks. */
static void seal(unsigned char *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* A header and its content; returns the header. `size` is what the header says. */
static unsigned char *add_sized(archive *a, char type, const char *name, const void *content,
                                size_t count, unsigned long long size)
{
    unsigned char *header = a->bytes + a->count;
    assert_true(a->count + BLOCK + count + BLOCK <= ROOM);
    memset(header, 0, BLOCK);
    memcpy(header, name, strnlen(name, 100));
    snprintf((char *)header + 124, 12, "%011llo", size);
    header[156] = (unsigned char)type;
    memcpy(header + 257, "ustar\00000", 8);
    seal(header);
    memcpy(header + BLOCK, content, count);
    size_t padded = (count + BLOCK - 1) / BLOCK * BLOCK;
    memset(header + BLOCK + count, 0, padded - count);
    a->count += BLOCK + padded;
    return header;
}

static unsigned char *add(archive *a, char type, const char *name, const char *content)
{
    return add_sized(a, type, name, content, strlen(content), strlen(content));
}

static void end(archive *a)
{
    memset(a->bytes + a->count, 0, 2 * BLOCK);
    a->count += 2 * BLOCK;
}

static const char *write_plain(const archive *a)
{
    const char *path = temporary("a.tar");
    write_bytes(path, a->bytes, a->count);
    return path;
}

static const char *write_gzipped(const archive *a)
{
    const char *path = temporary("a.tgz");
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, a->bytes, (unsigned)a->count), a->count);
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

/* Expects "name label content" for each sample, joined by blanks; each is read twice, so that
 * reading goes back as well. */
static void expect(const char *path, const char *split, int labelled, const char *want)
{
    vc_source *source;
    vc_source_options o = {.split = split, .labelled = labelled};
    char have[1024] = "", name[VC_SOURCE_NAME];
    vc_bytes bytes = {0};
    assert_ok(vc_source_open(&source, path, &o));
    for (int round = 0; round < 2; round++) {
        have[0] = '\0';
        for (size_t i = 0; i < vc_source_count(source); i++) {
            assert_ok(vc_source_read(&bytes, source, i));
            vc_source_name(name, source, i);
            size_t length = strlen(have);
            snprintf(have + length, sizeof have - length, "%s%s %d %.*s", i == 0 ? "" : " ",
                     name + strlen(path) + 1, vc_source_label(source, i), (int)bytes.count,
                     (char *)bytes.data);
        }
        assert_string_equal(have, want);
    }
    vc_bytes_close(&bytes);
    vc_source_close(source);
}

static void expect_failure(const archive *a, vc_status status, const char *text)
{
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_fails(vc_source_open(&source, write_plain(a), &o), status, text);
    assert_fails(vc_source_open(&source, write_gzipped(a), &o), status, text);
}

static void plain_and_gzipped(void **state)
{
    (void)state;
    archive a = {0};
    add(&a, '5', "./", "");
    add(&a, '0', "./README.md", "text");
    add(&a, '5', "./dog/", "");
    add(&a, '0', "./dog/2.jpg", "two");
    add(&a, '0', "./dog/._2.jpg", "hidden");
    add(&a, '\0', "ant//1.png", "one");
    add(&a, '0', "./bee/3.jpg", "three");
    add(&a, '0', "/dog/1.jpg", "");
    end(&a);
    const char *want =
        /* in the archive's order */
        "dog/2.jpg 2 two ant/1.png 0 one bee/3.jpg 1 three dog/1.jpg 2 ";
    expect(write_plain(&a), "test", 1, want);
    expect(write_gzipped(&a), "test", 1, want);
    expect(write_gzipped(&a), "test", 0,
           "dog/2.jpg -1 two ant/1.png -1 one bee/3.jpg -1 three dog/1.jpg -1 ");
}

static void splits_and_a_folder_around_everything(void **state)
{
    (void)state;
    archive a = {0};
    add(&a, '0', "set/train/a/1.jpg", "1");
    add(&a, '0', "set/train/b/2.jpg", "2");
    archive train_only = a;
    add(&a, '0', "set/val/b/deep/3.jpg", "3");
    end(&a);
    end(&train_only);
    expect(write_plain(&a), "train", 1, "set/train/a/1.jpg 0 1 set/train/b/2.jpg 1 2");
    expect(write_plain(&a), "test", 1, "set/val/b/deep/3.jpg 0 3");
    expect_failure(&train_only, VC_EABSENT, "folder 'set/train/', but none for the split 'test'");

    archive wrapped = {0}, bare = {0};
    add(&wrapped, '0', "set/a/1.jpg", "1");
    add(&wrapped, '0', "set/b/2.jpg", "2");
    end(&wrapped);
    expect(write_plain(&wrapped), "test", 1, "set/a/1.jpg 0 1 set/b/2.jpg 1 2");
    add(&bare, '0', "a/1.jpg", "1");
    end(&bare);
    expect(write_plain(&bare), "test", 1, "a/1.jpg 0 1");
    archive outside = {0};
    add(&outside, '0', "a/1.jpg", "1");
    add(&outside, '0', "2.jpg", "2");
    end(&outside);
    expect_failure(&outside, VC_EFORMAT, ":2.jpg: lies in no class folder");
    expect(write_plain(&outside), "test", 0, "a/1.jpg -1 1 2.jpg -1 2");
}

static void long_names_of_three_kinds(void **state)
{
    (void)state;
    char folder[200], name[256], want[1024], record[512];
    memset(folder, 'f', sizeof folder);
    folder[140] = '\0';
    archive a = {0};
    unsigned char *header = add(&a, '0', "1.jpg", "prefix"); /* ustar: prefix/name */
    memcpy(header + 345, folder, 140);
    seal(header);
    snprintf(name, sizeof name, "%s/2.jpg", folder);
    add_sized(&a, 'L', "././@LongLink", name, strlen(name) + 1, strlen(name) + 1);
    header = add(&a, '0', "cut short", "gnu");
    memcpy(header + 257, "ustar  ", 8);
    memset(header + 345, 'x', 100); /* no prefix in GNU's format */
    seal(header);
    snprintf(name, sizeof name, "%s/3.jpg", folder);
    snprintf(record, sizeof record, "17 mtime=12345.6\n%zu path=%s\n9 size=3\n", strlen(name) + 10,
             name);
    add_sized(&a, 'x', "PaxHeaders/3.jpg", record, strlen(record), strlen(record));
    add_sized(&a, '0', "cut short", "pax", 3, 0); /* the size is pax's */
    end(&a);
    snprintf(want, sizeof want, "%s/1.jpg 0 prefix %s/2.jpg 0 gnu %s/3.jpg 0 pax", folder, folder,
             folder);
    expect(write_plain(&a), "test", 1, want);
    expect(write_gzipped(&a), "test", 1, want);
}

static void base_256_sizes(void **state)
{
    (void)state;
    archive a = {0};
    unsigned char *header = add(&a, '0', "a/1.jpg", "four");
    memset(header + 124, 0, 12);
    header[124] = 0x80;
    header[135] = 4;
    seal(header);
    end(&a);
    expect(write_plain(&a), "test", 1, "a/1.jpg 0 four");
    memset(header + 124, 0xff, 12); /* -1 */
    seal(header);
    expect_failure(&a, VC_EFORMAT, "no valid size");
}

static void forged_sizes_are_refused(void **state)
{
    (void)state;
    static const unsigned long long sizes[] = {5000, 1ull << 29, (1ull << 33) - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        archive a = {0};
        add_sized(&a, '0', "a/1.jpg", "x", 1, sizes[i]);
        end(&a);
        vc_source *source;
        vc_source_options o = vc_source_options_default();
        assert_int_not_equal(vc_source_open(&source, write_plain(&a), &o), VC_OK);
        assert_int_not_equal(vc_source_open(&source, write_gzipped(&a), &o), VC_OK);
        assert_non_null(strstr(vc_last_error(), "a/1.jpg"));
    }
    archive a = {0};
    unsigned char *header = add(&a, 'L', "././@LongLink", "name");
    memset(header + 124, 0, 12);
    header[124] = 0x80;
    header[128] = 0x3f;
    seal(header);
    expect_failure(&a, VC_EFORMAT, "wanted at most 4096");
}

static void damage_is_refused(void **state)
{
    (void)state;
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    archive whole = {0}, a;
    add(&whole, '0', "a/1.jpg", "one");
    add(&whole, '0', "b/2.jpg", "two");
    end(&whole);
    for (size_t cut = 0; cut <= 4 * BLOCK; cut += 100) {
        a = whole;
        a.count = cut;
        assert_int_equal(vc_source_open(&source, write_plain(&a), &o), VC_EFORMAT);
        assert_int_equal(vc_source_open(&source, write_gzipped(&a), &o), VC_EFORMAT);
    }
    a = whole;
    a.bytes[2 * BLOCK] ^= 1;
    expect_failure(&a, VC_EFORMAT, "no valid header after 'a/1.jpg'");
    a = whole;
    add(&a, '0', "c/3.jpg", "three");
    expect_failure(&a, VC_EFORMAT, "goes on after the archive's end");
    FILE *file = fopen(write_gzipped(&whole), "rb");
    unsigned char bytes[4096];
    size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t cut = 1; cut < count; cut++) {
        write_bytes(temporary("cut"), bytes, count - cut);
        assert_int_equal(vc_source_open(&source, temporary("cut"), &o), VC_EFORMAT);
    }
}

static void what_would_mislead_is_refused(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *name, *content;
        vc_status status;
        const char *message;
    } cases[] = {
        {'0', "a/../b/1.jpg", "x", VC_EFORMAT, "'a/../b/1.jpg' climbs out of the archive"},
        {'2', "a/1.jpg", "", VC_EUNSUPPORTED, "a/1.jpg: is a link or a device"},
        {'Z', "a/1.jpg", "", VC_EUNSUPPORTED, "unknown type 0x5a"},
        {'0', "a/0.jpg", "x", VC_EFORMAT, "a/0.jpg: comes twice"},
        {'x', "p", "12 path=a/b\n", VC_EFORMAT, "truncated"},
        {'x', "p", "13 path=a/b\n", VC_EFORMAT, "damaged pax header"},
        {'x', "p", "99999999999999999999 path=a/b\n", VC_EFORMAT, "damaged pax header"},
        {'x', "p", "9 size=-\n", VC_EFORMAT, "size '-'"},
        {'x', "p", "22 GNU.sparse.major=1\n", VC_EUNSUPPORTED, "sparse"},
        {'g', "p", "12 path=a/b\n", VC_EUNSUPPORTED, "sets 'path' for all entries"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        archive a = {0};
        add(&a, '0', "a/0.jpg", "x");
        add(&a, cases[i].type, cases[i].name, cases[i].content);
        if (cases[i].type == '0')
            end(&a);
        expect_failure(&a, cases[i].status, cases[i].message);
    }
    archive harmless = {0};
    add(&harmless, 'g', "pax_global_header", "19 comment=abcdefg\n");
    add(&harmless, '0', "a/0.jpg", "x");
    add(&harmless, '2', "a/link", "");
    add(&harmless, '3', "a/device", "");
    end(&harmless);
    expect(write_plain(&harmless), "test", 1, "a/0.jpg 0 x");
}

static void cifar_as_an_archive(void **state)
{
    (void)state;
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    vc_bytes bytes = {0};
    assert_ok(vc_source_open(&source, shared("cifar10-jpeg.tar.gz"), &o));
    assert_int_equal(vc_source_count(source), 10000);
    assert_int_equal(vc_source_classes(source), 10);
    assert_string_equal(vc_source_class_name(source, 9), "truck");
    assert_int_equal(vc_source_label(source, 9999), 9);
    assert_ok(vc_source_read(&bytes, source, 9999));
    assert_memory_equal(bytes.data, "\xff\xd8\xff", 3);
    vc_bytes_close(&bytes);
    vc_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzipped),
        cmocka_unit_test(splits_and_a_folder_around_everything),
        cmocka_unit_test(long_names_of_three_kinds),
        cmocka_unit_test(base_256_sizes),
        cmocka_unit_test(forged_sizes_are_refused),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(what_would_mislead_is_refused),
        cmocka_unit_test(cifar_as_an_archive),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
