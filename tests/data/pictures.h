/* Folders of real images for tests, some of them broken. */
#ifndef VC_TESTS_PICTURES_H
#define VC_TESTS_PICTURES_H

#include "folders.h"
#include "vitcod/loader.h"

static const char *const pictures[] = {"baseline420.jpg", "palette4.png", "cmyk.jpg",
                                       "grey.jpg",        "rgb16.png",    "rgba8.png",
                                       "progressive.jpg"};
enum { PICTURES = 7, SAMPLES = 23 };

/* SAMPLES images in three class folders; those whose index is a multiple of `broken` are no
 * images. */
static inline const char *make_folder(size_t broken)
{
    const char *d = fresh_directory();
    for (size_t i = 0; i < SAMPLES; i++) {
        char name[64], golden[128];
        vc_mapped_file file;
        const char *picture = pictures[i % PICTURES];
        snprintf(name, sizeof name, "%c/%02zu%s", "abc"[i / 8], i, strchr(picture, '.'));
        snprintf(golden, sizeof golden, "tests/data/golden/%s", picture);
        assert_ok(vc_file_map(&file, golden));
        int cut = broken > 0 && i % broken == 0;
        put_bytes(d, name, file.data, cut ? file.bytes - 1 : file.bytes);
        vc_file_unmap(&file);
    }
    return d;
}

static inline vc_source *open_source(const char *path)
{
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_ok(vc_source_open(&source, path, &o));
    return source;
}

#endif
