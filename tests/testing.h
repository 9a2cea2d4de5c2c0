/* What every test needs: cmocka with its headers in the right order, temporary files, the shared
 * data. */
#ifndef VC_TESTING_H
#define VC_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vitcod/status.h"

/* The path of a temporary file. Its directory is removed when the program ends. */
static inline const char *temporary(const char *name)
{
    static char directory[64], paths[8][256];
    static unsigned next;
    if (!directory[0]) {
        snprintf(directory, sizeof directory, "/tmp/vitcod-test-XXXXXX");
        if (!mkdtemp(directory))
            fail_msg("no temporary directory");
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static inline int remove_temporary(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", temporary(""));
    return system(command);
}

/* A file of the shared data (weights, official masks, golden arrays); skips the test without it. */
static inline const char *shared(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    const char *root = getenv("VITCOD_SHARED");
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/data/%s", root ? root : "../shared", name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    return path;
}

static inline void write_bytes(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

/* All that a file holds, to be freed. */
static inline char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    const size_t bytes = (size_t)ftell(file);
    char *text = calloc(bytes + 1, 1);
    rewind(file);
    assert_int_equal(fread(text, 1, bytes, file), bytes);
    fclose(file);
    return text;
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != VC_OK)                                                                       \
            fail_msg("%s", vc_last_error());                                                       \
    } while (0)

/* The call fails with this status, and its message holds this text. */
#define assert_fails(call, status, text)                                                           \
    do {                                                                                           \
        assert_int_equal((call), (status));                                                        \
        if (!strstr(vc_last_error(), (text)))                                                      \
            fail_msg("message '%s' does not say '%s'", vc_last_error(), (text));                   \
    } while (0)

#define assert_near(have, want, tolerance)                                                         \
    do {                                                                                           \
        double have_ = (have), want_ = (want), tolerance_ = (tolerance);                           \
        if (!(fabs(have_ - want_) <= tolerance_))                                                  \
            fail_msg("%s is %.9g, wanted %.9g within %.3g", #have, have_, want_, tolerance_);      \
    } while (0)

#endif
