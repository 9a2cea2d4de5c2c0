/* The time of changing images at random: each operation of RandAugment per image, then DeiT's whole
 * recipe through the loader in images per second. Prints JSON.
 *
 * usage: bench_augment PATH [--size S] [--images N]
 *        bench_augment --apply DIR
 *
 * --apply times nothing. For each row of DIR/cases.npy (image, operation, value, interpolation) it
 * changes DIR/<image>.npy (H, W, 3) and writes DIR/made-<row>.npy, for tools/compare-augment.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/augment.h"
#include "vitcod/clock.h"
#include "vitcod/loader.h"
#include "vitcod/npy.h"
#include "vitcod/threads.h"

static const uint8_t fill[] = {124, 116, 104}; /* ImageNet's mean */
static const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};

static void must(vc_status status)
{
    if (status == VC_OK)
        return;
    fprintf(stderr, "bench_augment: %s\n", vc_last_error());
    exit(1);
}

static void open_image(vc_image *out, const char *directory, size_t number)
{
    char path[4096];
    vc_npy npy;
    snprintf(path, sizeof path, "%s/%zu.npy", directory, number);
    must(vc_npy_open(&npy, path));
    const size_t *shape = npy.tensor.shape;
    must(vc_image_reserve(out, shape[1], shape[0], shape[2], path));
    memcpy(out->pixels, npy.tensor.data, shape[0] * shape[1] * shape[2]);
    vc_npy_close(&npy);
}

static void apply_cases(const char *directory)
{
    char path[4096];
    vc_npy cases;
    vc_image image = {0}, spare = {0};
    snprintf(path, sizeof path, "%s/cases.npy", directory);
    must(vc_npy_open(&cases, path));
    const double *row = cases.tensor.data;
    for (size_t i = 0; i < cases.tensor.shape[0]; i++, row += 4) {
        open_image(&image, directory, (size_t)row[0]);
        must(vc_image_apply(&image, &spare, (vc_image_op)row[1], row[2], (vc_interpolation)row[3],
                            fill));
        const vc_tensor made = {
            VC_U8, 3, {image.height, image.width, image.channels}, image.pixels};
        snprintf(path, sizeof path, "%s/made-%zu.npy", directory, i);
        must(vc_npy_write(path, &made));
    }
    vc_npy_close(&cases);
    vc_image_close(&image);
    vc_image_close(&spare);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_operations(size_t size)
{
    enum { ROUNDS = 31 };
    vc_image image = {0}, spare = {0};
    for (int op = 0; op < VC_IMAGE_OPS; op++) {
        double seconds[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            must(vc_image_reserve(&image, size, size, 3, "noise"));
            for (size_t i = 0; i < size * size * 3; i++)
                image.pixels[i] = (uint8_t)(20 + (i * i / 7 + i) % 200);
            const double value = vc_image_op_value((vc_image_op)op, 9.0, r % 2),
                         start = vc_clock_seconds();
            must(vc_image_apply(&image, &spare, (vc_image_op)op, value, VC_BICUBIC, fill));
            seconds[r] = vc_clock_seconds() - start;
        }
        qsort(seconds, ROUNDS, sizeof *seconds, compare);
        printf("  \"%s_us\": %.0f,\n", vc_image_op_name((vc_image_op)op),
               1e6 * seconds[ROUNDS / 2]);
    }
    vc_image_close(&image);
    vc_image_close(&spare);
}

/* Images per second, `augmented` or as for evaluation. */
static double time_loader(vc_source *source, size_t size, size_t images, int augmented)
{
    vc_sampler sampler;
    vc_sampler_options so = vc_sampler_options_default();
    vc_loader_options o = vc_loader_options_default();
    vc_loader *loader;
    vc_loaded loaded;
    size_t count = 0;
    so.images = vc_source_count(source);
    so.limit = images;
    so.batch = o.batch = 16;
    so.repetitions = 1; /* every file is new, as in evaluation */
    must(vc_sampler_open(&sampler, &so));
    const vc_loader_training training = {.sampler = &sampler,
                                         .augment = vc_augment_options_default()};
    o.size = vc_square(size);
    o.limit = images;
    o.training = augmented ? &training : NULL;
    memcpy(o.mean, mean, sizeof mean);
    memcpy(o.std, deviation, sizeof deviation);
    const double start = vc_clock_seconds();
    must(vc_loader_open(&loader, source, &o));
    do {
        must(vc_loader_next(&loaded, loader));
        count += loaded.count;
    } while (loaded.count > 0);
    vc_loader_close(loader);
    vc_sampler_close(&sampler);
    return (double)count / (vc_clock_seconds() - start);
}

static void time_all(const char *path, size_t size, size_t images)
{
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    o.split = "train";
    o.labelled = 0;
    must(vc_source_open(&source, path, &o));
    printf("{\n  \"size\": %zu,\n", size);
    time_operations(size);
    printf("  \"loader_workers\": %d,\n", vc_threads_count());
    const double plain = time_loader(source, size, images, 0),
                 changed = time_loader(source, size, images, 1);
    printf("  \"evaluation_images_per_s\": %.1f,\n  \"training_images_per_s\": %.1f\n}\n", plain,
           changed);
    vc_source_close(source);
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    size_t size = 224, images = 256;
    for (int i = 1; i < argc; i++) {
        int more = i + 1 < argc;
        if (strcmp(argv[i], "--apply") == 0 && more) {
            apply_cases(argv[i + 1]);
            return 0;
        }
        if (strcmp(argv[i], "--size") == 0 && more)
            size = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--images") == 0 && more)
            images = strtoul(argv[++i], NULL, 10);
        else
            path = argv[i];
    }
    if (!path || size == 0) {
        fputs("usage: bench_augment PATH [--size S] [--images N] | --apply DIR\n", stderr);
        return 2;
    }
    time_all(path, size, images);
    return 0;
}
