/* The time of getting images ready: reading, decoding, resizing with cropping, and normalising,
 * each per image on one thread, then all of it through the loader. Prints medians and quartiles as
 * JSON.
 *
 * usage: bench_images PATH [--size S] [--rounds N] [--dump DIR]
 *
 * --dump times nothing. It writes each crop as DIR/<number>.npy (S, S, 3) and the names of the
 * images to DIR/files.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/file.h"
#include "vitcod/image.h"
#include "vitcod/loader.h"
#include "vitcod/npy.h"
#include "vitcod/threads.h"

enum { READ, DECODE, RESIZE, NORMALIZE, STAGES };
static const char *const stage_names[STAGES] = {"read", "decode", "resize_crop", "normalize"};

typedef struct bench {
    vc_source *source;
    size_t size, resize, rounds;
    vc_bytes bytes;
    vc_image image, cropped;
    vc_resize_scratch scratch;
    vc_normalizer normalizer;
    float *x;
    double *seconds[STAGES]; /* (rounds * count) */
} bench;

static void die(void)
{
    fprintf(stderr, "bench_images: %s\n", vc_last_error());
    exit(1);
}

static void must(vc_status status)
{
    if (status != VC_OK)
        die();
}

static void run_one(bench *b, size_t index, double seconds[STAGES])
{
    char name[VC_SOURCE_NAME];
    double t[STAGES + 1];
    vc_source_name(name, b->source, index);
    t[READ] = vc_clock_seconds();
    must(vc_source_read(&b->bytes, b->source, index));
    t[DECODE] = vc_clock_seconds();
    must(vc_image_decode(&b->image, b->bytes.data, b->bytes.count, 3, name));
    t[RESIZE] = vc_clock_seconds();
    must(vc_image_resize_crop(&b->cropped, &b->image, b->resize, b->size, VC_BICUBIC, &b->scratch));
    t[NORMALIZE] = vc_clock_seconds();
    vc_image_normalize(b->x, &b->cropped, &b->normalizer);
    t[STAGES] = vc_clock_seconds();
    for (int s = 0; s < STAGES; s++)
        seconds[s] = t[s + 1] - t[s];
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_stages(bench *b)
{
    size_t count = vc_source_count(b->source), all = count * b->rounds;
    for (size_t i = 0; i < all; i++) {
        double seconds[STAGES];
        run_one(b, i % count, seconds);
        for (int s = 0; s < STAGES; s++)
            b->seconds[s][i] = seconds[s];
    }
    for (int s = 0; s < STAGES; s++) {
        double *v = b->seconds[s];
        qsort(v, all, sizeof *v, compare);
        printf(
            "  \"%s_ms\": {\"median\": %.4f, \"quartile_low\": %.4f, \"quartile_high\": %.4f},\n",
            stage_names[s], 1e3 * v[all / 2], 1e3 * v[all / 4], 1e3 * v[all * 3 / 4]);
    }
}

static void print_loader(bench *b)
{
    vc_loader_options o = vc_loader_options_default();
    vc_loader *loader;
    vc_loaded loaded;
    o.size = vc_square(b->size);
    o.batch = 16;
    double best = 0.0;
    for (size_t round = 0; round < b->rounds; round++) {
        size_t count = 0;
        double start = vc_clock_seconds();
        must(vc_loader_open(&loader, b->source, &o));
        do {
            must(vc_loader_next(&loaded, loader));
            count += loaded.count;
        } while (loaded.count > 0);
        vc_loader_close(loader);
        double speed = (double)count / (vc_clock_seconds() - start);
        best = speed > best ? speed : best;
    }
    printf("  \"loader_workers\": %d,\n  \"loader_images_per_s\": %.1f\n", vc_threads_count(),
           best);
}

static void dump(bench *b, const char *directory)
{
    char path[4096], name[VC_SOURCE_NAME];
    double seconds[STAGES];
    vc_file_writer names;
    must(vc_directory_make(directory));
    snprintf(path, sizeof path, "%s/files.txt", directory);
    must(vc_file_write_begin(&names, path));
    for (size_t i = 0; i < vc_source_count(b->source); i++) {
        run_one(b, i, seconds);
        vc_tensor crop = {VC_U8, 3, {b->size, b->size, 3}, b->cropped.pixels};
        snprintf(path, sizeof path, "%s/%05zu.npy", directory, i);
        must(vc_npy_write(path, &crop));
        fprintf(names.stream, "%s\n", vc_source_name(name, b->source, i));
    }
    must(vc_file_write_commit(&names));
}

static void prepare(bench *b, const char *path)
{
    const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
    vc_source_options o = vc_source_options_default();
    o.labelled = 0;
    must(vc_source_open(&b->source, path, &o));
    if (vc_source_dataset(b->source)) {
        fprintf(stderr, "bench_images: %s: holds pixels, wanted encoded images\n", path);
        exit(1);
    }
    vc_normalizer_make(&b->normalizer, 3, mean, std);
    b->resize = b->size * 8 / 7;
    b->x = malloc(b->size * b->size * 3 * sizeof *b->x);
    for (int s = 0; s < STAGES; s++)
        b->seconds[s] = malloc(vc_source_count(b->source) * b->rounds * sizeof(double));
}

int main(int argc, char **argv)
{
    bench b = {.size = 224, .rounds = 5};
    const char *path = NULL, *directory = NULL;
    for (int i = 1; i < argc; i++) {
        int more = i + 1 < argc;
        if (strcmp(argv[i], "--dump") == 0 && more)
            directory = argv[++i];
        else if (strcmp(argv[i], "--size") == 0 && more)
            b.size = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--rounds") == 0 && more)
            b.rounds = strtoul(argv[++i], NULL, 10);
        else
            path = argv[i];
    }
    if (!path || b.size == 0 || b.rounds == 0) {
        fputs("usage: bench_images PATH [--size S] [--rounds N] [--dump DIR]\n", stderr);
        return 2;
    }
    prepare(&b, path);
    if (directory) {
        dump(&b, directory);
        return 0;
    }
    printf("{\n  \"images\": %zu,\n  \"size\": %zu,\n", vc_source_count(b.source), b.size);
    print_stages(&b);
    print_loader(&b);
    puts("}");
    return 0;
}
