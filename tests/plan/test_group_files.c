/* Masks and maps of several groups of layers: in a folder, in an archive. */
#include <zip.h>

#include "testing.h"
#include "vitcod/attention_info.h"
#include "vitcod/group_files.h"
#include "vitcod/maps.h"
#include "vitcod/mask.h"
#include "vitcod/npy.h"

/* Adds an npy file under a name to an archive. */
static void add(const char *archive, const char *name, const char *from)
{
    int error;
    zip_t *zip = zip_open(archive, ZIP_CREATE, &error);
    assert_non_null(zip);
    zip_source_t *source = zip_source_file(zip, from, 0, -1);
    assert_non_null(source);
    assert_true(zip_file_add(zip, name, source, 0) >= 0);
    assert_int_equal(zip_close(zip), 0);
}

/* A mask of so many queries, all kept but the last. */
static const char *write_mask(size_t queries)
{
    const char *path = temporary("one.npy");
    vc_mask mask;
    assert_ok(vc_mask_open(&mask, 1, 2, queries, 4));
    memset(mask.pruned, 0, 8 * queries);
    mask.pruned[8 * queries - 1] = 1;
    assert_ok(vc_mask_write(path, &mask));
    vc_mask_close(&mask);
    return path;
}

static void masks_lie_in_an_archive(void **state)
{
    (void)state;
    char archive[512];
    vc_mask_set set;
    snprintf(archive, sizeof archive, "%s", temporary("masks.npz"));
    add(archive, "mask_dpt1.npy", write_mask(2)); /* in any order */
    add(archive, "mask_subsample0.npy", write_mask(3));
    assert_fails(vc_mask_set_read(&set, archive), VC_EFORMAT,
                 "2 arrays in the npz archive, of which 0 are groups");
    add(archive, "dpt0.npy", write_mask(5)); /* by either name */
    assert_ok(vc_mask_set_read(&set, archive));
    assert_int_equal(set.count, 3);
    assert_string_equal(set.names[1].text, "subsample0");
    assert_int_equal(set.masks[0].queries, 5);
    assert_int_equal(set.masks[1].queries, 3);
    assert_int_equal(set.masks[2].queries, 2);
    assert_int_equal(vc_mask_kept(&set.masks[2]), 15);
    vc_mask_set_close(&set);
    vc_attention_info info;
    assert_ok(vc_attention_info_open(&info, archive));
    assert_true(info.is_mask && info.layer_count == 3);
    vc_attention_info_close(&info);
    add(archive, "notes.npy", write_mask(1));
    assert_fails(vc_mask_set_read(&set, archive), VC_EFORMAT,
                 "4 arrays in the npz archive, of which 3 are groups");
}

static void one_array_in_an_archive_has_any_name(void **state)
{
    (void)state;
    vc_mask_set set;
    char archive[512];
    snprintf(archive, sizeof archive, "%s", temporary("single.npz"));
    add(archive, "arr_0.npy", write_mask(7));
    assert_ok(vc_mask_set_read(&set, archive));
    assert_int_equal(set.count, 1);
    assert_int_equal(set.masks[0].queries, 7);
    assert_string_equal(set.names[0].text, "");
    vc_mask_set_close(&set);
}

static void maps_lie_in_an_archive(void **state)
{
    (void)state;
    static float values[3][8] = {{0.25f}, {0.5f}, {0.75f}};
    static const char *const names[] = {
        "attention_score_dpt0.npy", "attention_score_subsample0.npy", "attention_score_dpt1.npy"};
    char archive[512];
    vc_map_set set;
    snprintf(archive, sizeof archive, "%s", temporary("maps.npz"));
    for (int g = 0; g < 3; g++) {
        const vc_tensor maps = {VC_F32, 4, {1, 1, 2, 4}, values[g]};
        assert_ok(vc_npy_write(temporary("map.npy"), &maps));
        add(archive, names[g], temporary("map.npy"));
    }
    assert_ok(vc_map_set_read(&set, archive));
    assert_int_equal(set.files.count, 3);
    for (int g = 0; g < 3; g++)
        assert_true(set.maps[g].values[0] == values[g][0]);
    vc_map_set_close(&set);
    vc_attention_info info;
    assert_ok(vc_attention_info_open(&info, archive));
    assert_true(!info.is_mask && info.layer_count == 3);
    vc_attention_info_close(&info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_lie_in_an_archive),
        cmocka_unit_test(one_array_in_an_archive_has_any_name),
        cmocka_unit_test(maps_lie_in_an_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
