/* Pictures, read back by libpng; the table, line by line. */
#include <png.h>

#include "testing.h"
#include "vitcod/report.h"

static void maps_come_out_pixel_by_pixel(void **state)
{
    (void)state;
    enum { MARGIN = 6, H = 2, W = 3, COLUMNS = 2 };
    const uint8_t cells[COLUMNS * H * W] = {
        VC_CELL_KEPT, 0, 0, 0, 0, VC_CELL_DENSER_KEPT, 0, 0, 0, 0, VC_CELL_DENSER_PRUNED, 0};
    const vc_map_grid grid = {1, COLUMNS, H, W, cells};
    assert_ok(vc_png_maps(temporary("maps.png"), &grid));
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, temporary("maps.png")));
    assert_int_equal(image.width, COLUMNS * (W + MARGIN) + MARGIN);
    assert_int_equal(image.height, H + 2 * MARGIN);
    image.format = PNG_FORMAT_RGB;
    static uint8_t rgb[(H + 2 * MARGIN) * (COLUMNS * (W + MARGIN) + MARGIN) * 3];
    assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    size_t stride = COLUMNS * (W + MARGIN) + MARGIN;
    const uint8_t *kept = rgb + (MARGIN * stride + MARGIN) * 3;
    const uint8_t *denser = rgb + ((MARGIN + 1) * stride + MARGIN + 2) * 3;
    const uint8_t *pruned = kept + 3;
    assert_true(kept[0] < 64 && kept[2] < 64);
    assert_true(pruned[0] > 224);
    assert_true(denser[2] > denser[0] + 100); /* blue */
    assert_memory_not_equal(kept, denser, 3);
}

static void a_picture_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    const uint8_t rgb[3] = {0};
    assert_fails(vc_png_write(temporary("no/a.png"), rgb, 1, 1), VC_EIO, "cannot write");
    assert_fails(vc_png_write("/dev/full", rgb, 1, 1), VC_EIO, "/dev/full");
}

static void the_table_shows_what_was_measured(void **state)
{
    (void)state;
    char text[2048] = "";
    json_t *run = json_pack("{s:{s:f}, s:{s:f, s:[[i,i],[i,i]]}}", "dense", "top1", 91.25,
                            "polarize", "kept_share", 0.1, "global_tokens", 1, 2, 3, 4);
    FILE *out = fmemopen(text, sizeof text, "w");
    vc_table_print(out, run);
    fclose(out);
    json_decref(run);
    assert_non_null(strstr(text, "top-1, dense                                 91.25 %\n"));
    assert_non_null(strstr(text, "attention kept                               10.00 %\n"));
    assert_non_null(strstr(text, "layer 1              3 4\n"));
    assert_null(strstr(text, "finetuned"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_come_out_pixel_by_pixel),
        cmocka_unit_test(a_picture_that_cannot_be_written_leaves_nothing),
        cmocka_unit_test(the_table_shows_what_was_measured)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
