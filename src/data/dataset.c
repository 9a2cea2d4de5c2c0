#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cifar.h"
#include "vitcod/data.h"
#include "vitcod/idx.h"

/* Reads an IDX file, plain or gzipped, whichever exists. */
static vc_status read_member(vc_tensor *out, const char *directory, const char *prefix,
                             const char *suffix)
{
    char plain[4096], gzipped[4100];
    snprintf(plain, sizeof plain, "%s/%s-%s", directory, prefix, suffix);
    snprintf(gzipped, sizeof gzipped, "%s.gz", plain);
    if (access(plain, R_OK) == 0)
        return vc_idx_read(out, plain);
    if (access(gzipped, R_OK) == 0)
        return vc_idx_read(out, gzipped);
    return vc_fail(VC_EABSENT, "%s: holds neither %s-%s nor the same with .gz", directory, prefix,
                   suffix);
}

static vc_status take_images(vc_dataset *out, const char *directory, vc_tensor *images,
                             const vc_tensor *labels)
{
    if (images->rank != 3 || labels->rank != 1 || images->shape[0] != labels->shape[0]) {
        char a[VC_SHAPE_TEXT], b[VC_SHAPE_TEXT];
        return vc_fail(VC_EFORMAT, "%s: images %s and labels %s, wanted (N, H, W) and (N)",
                       directory, vc_shape_text(a, images->rank, images->shape),
                       vc_shape_text(b, labels->rank, labels->shape));
    }
    *out = (vc_dataset){.count = images->shape[0],
                        .channels = 1,
                        .height = images->shape[1],
                        .width = images->shape[2]};
    out->labels = malloc(out->count * sizeof *out->labels);
    out->path = strdup(directory);
    if (!out->labels || !out->path)
        return vc_fail(VC_ENOMEM, "%s: out of memory", directory);
    const uint8_t *values = labels->data;
    for (size_t i = 0; i < out->count; i++) {
        out->labels[i] = values[i];
        if ((size_t)values[i] + 1 > out->classes)
            out->classes = (size_t)values[i] + 1;
    }
    out->images = images->data;
    images->data = NULL;
    return VC_OK;
}

int vc__dataset_is_here(const char *directory)
{
    static const char *const files[] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                                        "t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"};
    char path[4096];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        if (access(path, F_OK) == 0)
            return 1;
    }
    return vc__cifar_is_here(directory);
}

/* The classes of both splits: the smaller one may lack the last. */
static vc_status widen_classes(vc_dataset *out, const char *directory, const char *split)
{
    const char *other = strcmp(split, "test") == 0 ? "train" : "t10k";
    vc_tensor labels;
    const vc_status status = read_member(&labels, directory, other, "labels-idx1-ubyte");
    if (status == VC_EABSENT)
        return VC_OK;
    VC_TRY(status);
    const uint8_t *values = labels.data;
    for (size_t i = 0; labels.rank == 1 && i < labels.shape[0]; i++)
        if ((size_t)values[i] + 1 > out->classes)
            out->classes = (size_t)values[i] + 1;
    free(labels.data);
    return VC_OK;
}

static vc_status read_idx(vc_dataset *out, const char *directory, const char *split)
{
    const char *prefix = strcmp(split, "test") == 0 ? "t10k" : "train";
    vc_tensor images = {0}, labels = {0};
    vc_status status = read_member(&images, directory, prefix, "images-idx3-ubyte");
    if (status == VC_OK) {
        status = read_member(&labels, directory, prefix, "labels-idx1-ubyte");
        if (status == VC_EABSENT) /* the split is there, and broken */
            status = VC_EIO;
    }
    if (status == VC_OK)
        status = take_images(out, directory, &images, &labels);
    if (status == VC_OK)
        status = widen_classes(out, directory, split);
    free(images.data);
    free(labels.data);
    if (status != VC_OK)
        vc_dataset_close(out);
    return status;
}

vc_status vc_dataset_open(vc_dataset *out, const char *directory, const char *split)
{
    *out = (vc_dataset){0};
    if (vc__cifar_is_here(directory))
        return vc__cifar_read(out, directory, split);
    return read_idx(out, directory, split);
}

void vc_dataset_close(vc_dataset *dataset)
{
    free(dataset->images);
    free(dataset->labels);
    free(dataset->path);
    *dataset = (vc_dataset){0};
}

void vc_dataset_statistics(float mean[VC_MAX_CHANNELS], float std[VC_MAX_CHANNELS],
                           const vc_dataset *dataset)
{
    size_t pixels = dataset->height * dataset->width;
    for (size_t c = 0; c < dataset->channels; c++) {
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < dataset->count; i++) {
            const uint8_t *p = dataset->images + (i * dataset->channels + c) * pixels;
            for (size_t k = 0; k < pixels; k++) {
                sum += p[k];
                squares += (uint64_t)p[k] * p[k];
            }
        }
        double n = (double)dataset->count * (double)pixels;
        double m = (double)sum / n;
        double variance = (double)squares / n - m * m;
        mean[c] = (float)(m / 255.0);
        std[c] = (float)(sqrt(variance > 0.0 ? variance : 1.0) / 255.0);
    }
}
