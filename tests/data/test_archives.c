/* Zip archives, and tar archives packed by bzip2 and xz. */
#include "folders.h"
#include "vitcod/loader.h"

#define GOLDEN "tests/data/golden/"

static const char *const archives[] = {"photos.tar.bz2", "photos_two.tar.bz2", "photos.tar.xz",
                                       "photos_two.tar.xz", "photos.zip"};
enum { ARCHIVES = sizeof archives / sizeof *archives, IMAGES = 3 };

/* As tools/golden/archives.py has them. */
static const char *const names[IMAGES] = {"cat/1.png", "cat/2.gif", "dog/3.png"};
static const char *const contents[IMAGES] = {"palette1.png", "bare.gif", "grey8.png"};

static const char *golden(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    return path;
}

/* NULL where the library that it needs was not there. */
static vc_source *open_archive(const char *path)
{
    vc_source *source;
    const vc_source_options o = vc_source_options_default();
    const vc_status status = vc_source_open(&source, path, &o);
    if (status == VC_EUNSUPPORTED)
        return NULL;
    assert_ok(status);
    return source;
}

static void expect_content(vc_source *source, size_t index)
{
    vc_bytes bytes = {0};
    vc_mapped_file file;
    assert_ok(vc_source_read(&bytes, source, index));
    assert_ok(vc_file_map(&file, golden(contents[index])));
    assert_int_equal(bytes.count, file.bytes);
    assert_memory_equal(bytes.data, file.data, file.bytes);
    vc_file_unmap(&file);
    vc_bytes_close(&bytes);
}

static void archives_hold_their_images(void **state)
{
    (void)state;
    for (size_t a = 0; a < ARCHIVES; a++) {
        char name[VC_SOURCE_NAME], wanted[VC_SOURCE_NAME];
        vc_source *source = open_archive(golden(archives[a]));
        if (!source)
            continue;
        assert_int_equal(vc_source_count(source), IMAGES);
        assert_int_equal(vc_source_classes(source), 2);
        for (size_t i = 0; i < IMAGES; i++) {
            snprintf(wanted, sizeof wanted, GOLDEN "%s:photos/%s", archives[a], names[i]);
            assert_string_equal(vc_source_name(name, source, i), wanted);
            assert_int_equal(vc_source_label(source, i), i == 2);
            expect_content(source, i);
        }
        for (size_t i = IMAGES; i-- > 0;) /* and back */
            expect_content(source, i);
        vc_source_close(source);
    }
}

/* For training a packed tar is inflated; a zip is read where it lies. */
static void archives_can_be_trained_from(void **state)
{
    (void)state;
    for (size_t a = 0; a < ARCHIVES; a++) {
        vc_source *source = open_archive(golden(archives[a]));
        if (!source)
            continue;
        vc_loader *loader;
        vc_loaded batch;
        vc_sampler sampler;
        const vc_sampler_options how = {.images = IMAGES, .batch = 2, .repetitions = 1, .ranks = 1};
        assert_ok(vc_sampler_open(&sampler, &how));
        vc_sampler_set_epoch(&sampler, 0);
        const vc_loader_training training = {.sampler = &sampler};
        vc_loader_options o = vc_loader_options_default();
        o.size = vc_square(8);
        o.training = &training;
        assert_ok(vc_loader_open(&loader, source, &o));
        assert_ok(vc_loader_next(&batch, loader));
        assert_int_equal(batch.count, 2);
        assert_int_equal(vc_loader_broken(loader), 0);
        vc_loader_close(loader);
        vc_sampler_close(&sampler);
        vc_source_close(source);
    }
}

/* Opens what is left of an archive, and reads all that it holds. */
static vc_status read_all(const char *path)
{
    vc_source *source;
    vc_bytes bytes = {0};
    const vc_source_options o = vc_source_options_default();
    vc_status status = vc_source_open(&source, path, &o);
    if (status != VC_OK)
        return status;
    for (size_t i = 0; i < vc_source_count(source) && status == VC_OK; i++)
        status = vc_source_read(&bytes, source, i);
    vc_bytes_close(&bytes);
    vc_source_close(source);
    return status;
}

static void a_truncated_archive_is_refused(void **state)
{
    (void)state;
    for (size_t a = 0; a < ARCHIVES; a++) {
        vc_mapped_file file;
        if (read_all(golden(archives[a])) != VC_OK)
            continue;
        assert_ok(vc_file_map(&file, golden(archives[a])));
        for (size_t count = 0; count < file.bytes; count++) {
            write_bytes(temporary("cut"), file.data, count);
            if (read_all(temporary("cut")) != VC_EFORMAT)
                fail_msg("%s: its first %zu of %zu bytes: %s", archives[a], count, file.bytes,
                         vc_last_error());
        }
        vc_file_unmap(&file);
    }
}

/* Each byte changed: an error or the same images, but no crash. */
static void a_changed_byte_does_no_harm(void **state)
{
    (void)state;
    for (size_t a = 0; a < ARCHIVES; a++) {
        vc_mapped_file file;
        assert_ok(vc_file_map(&file, golden(archives[a])));
        unsigned char *bytes = malloc(file.bytes);
        memcpy(bytes, file.data, file.bytes);
        for (size_t k = 0; k < file.bytes; k++) {
            bytes[k] ^= 0x55;
            write_bytes(temporary("changed"), bytes, file.bytes);
            if (read_all(temporary("changed")) != VC_OK)
                assert_non_null(strstr(vc_last_error(), "changed"));
            bytes[k] ^= 0x55;
        }
        free(bytes);
        vc_file_unmap(&file);
    }
}

static void what_an_archive_may_not_hold_is_named(void **state)
{
    (void)state;
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_fails(vc_source_open(&source, golden("climbing.zip"), &o), VC_EFORMAT,
                 "'../1.png' climbs out of the archive");
    assert_fails(vc_source_open(&source, golden("linked.zip"), &o), VC_EUNSUPPORTED,
                 "linked.zip:cat/1.png: is a link or a device");
}

/* A size that nothing of the file's size can hold. */
static void a_forged_size_costs_nothing(void **state)
{
    (void)state;
    vc_mapped_file file;
    vc_source *source;
    const vc_source_options o = vc_source_options_default();
    assert_ok(vc_file_map(&file, golden("photos.zip")));
    unsigned char *bytes = malloc(file.bytes);
    memcpy(bytes, file.data, file.bytes);
    size_t at = file.bytes - 4; /* the last entry of the directory at the end */
    while (memcmp(bytes + at, "PK\1\2", 4) != 0)
        at--;
    memcpy(bytes + at + 24, "\0\0\0\x3f", 4);
    write_bytes(temporary("forged.zip"), bytes, file.bytes);
    assert_fails(vc_source_open(&source, temporary("forged.zip"), &o), VC_EFORMAT,
                 "dog/3.png: names 1056964608 bytes, packed into");
    memcpy(bytes + at + 20, "\0\0\0\x3f", 4);
    write_bytes(temporary("forged.zip"), bytes, file.bytes);
    assert_fails(vc_source_open(&source, temporary("forged.zip"), &o), VC_EFORMAT,
                 "names 1056964608 bytes, packed into 1056964608");
    memcpy(bytes + at, file.data + at, file.bytes - at);
    bytes[at + 8] |= 1; /* encrypted */
    write_bytes(temporary("forged.zip"), bytes, file.bytes);
    assert_fails(vc_source_open(&source, temporary("forged.zip"), &o), VC_EUNSUPPORTED,
                 "dog/3.png: is encrypted");
    free(bytes);
    vc_file_unmap(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_hold_their_images),
        cmocka_unit_test(archives_can_be_trained_from),
        cmocka_unit_test(a_truncated_archive_is_refused),
        cmocka_unit_test(a_changed_byte_does_no_harm),
        cmocka_unit_test(what_an_archive_may_not_hold_is_named),
        cmocka_unit_test(a_forged_size_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
