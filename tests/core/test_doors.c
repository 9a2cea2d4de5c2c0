/* Every door stands in the table of contents, and all of them together compile and link. */
#include <dirent.h>

#include "testing.h"
#include "vitcod/vitcod.h"

static void the_umbrella_names_every_door(void **state)
{
    (void)state;
    static char umbrella[16384];
    FILE *file = fopen("include/vitcod/vitcod.h", "r");
    assert_non_null(file);
    umbrella[fread(umbrella, 1, sizeof umbrella - 1, file)] = '\0';
    fclose(file);
    DIR *doors = opendir("include/vitcod");
    assert_non_null(doors);
    int count = 0;
    for (struct dirent *d = readdir(doors); d; d = readdir(doors)) {
        char include[300];
        size_t length = strlen(d->d_name);
        if (length < 3 || strcmp(d->d_name + length - 2, ".h") != 0 ||
            strcmp(d->d_name, "vitcod.h") == 0)
            continue;
        snprintf(include, sizeof include, "#include \"vitcod/%s\"", d->d_name);
        if (!strstr(umbrella, include))
            fail_msg("vitcod.h does not include %s", d->d_name);
        count++;
    }
    closedir(doors);
    assert_true(count > 20);
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(vc_status_name(VC_EFORMAT), "EFORMAT");
    assert_true(strlen(vc_status_text(VC_ENOMEM)) > 0);
    assert_true(strlen(VC_VERSION) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_umbrella_names_every_door),
                                       cmocka_unit_test(statuses_have_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
