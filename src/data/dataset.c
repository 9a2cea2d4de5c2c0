#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cifar.h"
#include "idx_files.h"
#include "vitcod/data.h"
#include "vitcod/idx.h"

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

int vc__dataset_is_here(const char *path)
{
    return vc__cifar_is_here(path) || vc__idx_is_here(path);
}

/* The classes of both splits: the smaller one may lack the last. `path`: the other split's labels;
 * empty: there are none. */
static vc_status widen_classes(vc_dataset *out, const char *path)
{
    vc_tensor labels;
    if (!path[0])
        return VC_OK;
    VC_TRY(vc_idx_read(&labels, path));
    const uint8_t *values = labels.data;
    for (size_t i = 0; labels.rank == 1 && i < labels.shape[0]; i++)
        if ((size_t)values[i] + 1 > out->classes)
            out->classes = (size_t)values[i] + 1;
    free(labels.data);
    return VC_OK;
}

static vc_status read_idx(vc_dataset *out, const char *path, const char *split)
{
    vc__idx_files files;
    vc_tensor images = {0}, labels = {0};
    VC_TRY(vc__idx_find(&files, path, split));
    vc_status status = vc_idx_read(&images, files.images);
    if (status == VC_OK)
        status = vc_idx_read(&labels, files.labels);
    if (status == VC_OK)
        status = take_images(out, path, &images, &labels);
    if (status == VC_OK)
        status = widen_classes(out, files.other_labels);
    free(images.data);
    free(labels.data);
    if (status != VC_OK)
        vc_dataset_close(out);
    return status;
}

vc_status vc_dataset_open(vc_dataset *out, const char *path, const char *split)
{
    *out = (vc_dataset){0};
    if (strcmp(split, "train") != 0 && strcmp(split, "test") != 0)
        return vc_fail(VC_EABSENT, "%s: has no split '%s', wanted train or test", path, split);
    if (vc__cifar_is_here(path))
        return vc__cifar_read(out, path, split);
    return read_idx(out, path, split);
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
