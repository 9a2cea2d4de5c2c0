#include "vitcod/autoencoder.h"

#include <string.h>

#include "vitcod/kernels.h"

/* Tokens are cut into PARTS. Sums are made per part and then added in the order of the parts, so
 * that the result is the same for any number of threads. Within a part, tokens are taken in blocks
 * that fit the first-level cache. */
enum { PARTS = 64, BLOCK = 16 };

typedef struct stretch {
    size_t first, count; /* tokens */
} stretch;

static size_t part_start(const vc_autoencoder *ae, size_t part)
{
    return ae->tokens * part / PARTS;
}

static stretch block_at(const vc_autoencoder *ae, size_t part, size_t first)
{
    size_t left = part_start(ae, part + 1) - first;
    return (stretch){first, left < BLOCK ? left : BLOCK};
}

static vc_head_mix encoder_of(const vc_autoencoder *ae)
{
    return (vc_head_mix){.inputs = ae->heads,
                         .outputs = ae->compressed,
                         .head_dim = ae->head_dim,
                         .x_stride = ae->x_stride,
                         .y_stride = ae->encoded_stride};
}

static vc_head_mix decoder_of(const vc_autoencoder *ae)
{
    return (vc_head_mix){.inputs = ae->compressed,
                         .outputs = ae->heads,
                         .head_dim = ae->head_dim,
                         .x_stride = ae->encoded_stride,
                         .y_stride = ae->decoded_stride};
}

/* The same map from outputs to inputs, which is what gradients go through. */
static vc_head_mix reversed(vc_head_mix mix, int add)
{
    return (vc_head_mix){.inputs = mix.outputs,
                         .outputs = mix.inputs,
                         .head_dim = mix.head_dim,
                         .x_stride = mix.y_stride,
                         .y_stride = mix.x_stride,
                         .transposed = 1,
                         .add = add};
}

static double squared_distance(const float *a, size_t a_stride, const float *b, size_t b_stride,
                               size_t tokens, size_t width)
{
    double total = 0.0;
    for (size_t t = 0; t < tokens; t++) {
        const float *x = a + t * a_stride, *y = b + t * b_stride;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < width; c++)
            sum += (x[c] - y[c]) * (x[c] - y[c]);
        total += sum;
    }
    return total;
}

double vc_autoencoder_forward(float *encoded, float *decoded, const float *x,
                              const vc_autoencoder *ae)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_head_mix encoder = encoder_of(ae), decoder = decoder_of(ae);
    double distances[PARTS] = {0};
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++)
        for (size_t first = part_start(ae, p); first < part_start(ae, p + 1); first += BLOCK) {
            stretch s = block_at(ae, p, first);
            const float *in = x + s.first * ae->x_stride;
            float *middle = encoded + s.first * ae->encoded_stride;
            float *out = decoded + s.first * ae->decoded_stride;
            kernels->head_mix_rows(middle, in, ae->encoder_w, ae->encoder_b, s.count, &encoder);
            kernels->head_mix_rows(out, middle, ae->decoder_w, ae->decoder_b, s.count, &decoder);
            distances[p] += squared_distance(in, ae->x_stride, out, ae->decoded_stride, s.count,
                                             ae->heads * ae->head_dim);
        }
    double total = 0.0;
    for (size_t p = 0; p < PARTS; p++)
        total += distances[p];
    return total;
}

/* The gradient of pull / 2 * ||x - decoded||^2: with respect to x it is written to dx, with respect
 * to decoded it is added to ddecoded. */
static void start_gradients(float *dx, float *ddecoded, const float *x, const float *decoded,
                            size_t tokens, const vc_autoencoder *ae, float pull)
{
    size_t width = ae->heads * ae->head_dim;
    for (size_t t = 0; t < tokens; t++) {
        float *direct = dx + t * ae->x_stride, *through = ddecoded + t * ae->decoded_stride;
        const float *a = x + t * ae->x_stride, *b = decoded + t * ae->decoded_stride;
        if (pull == 0.0f) {
            memset(direct, 0, width * sizeof *direct);
            continue;
        }
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            float g = pull * (a[c] - b[c]);
            direct[c] = g;
            through[c] -= g;
        }
    }
}

static size_t gradient_count(size_t heads, size_t compressed)
{
    return 2 * heads * compressed + heads + compressed;
}

size_t vc_autoencoder_scratch_floats(size_t heads, size_t compressed)
{
    return PARTS * gradient_count(heads, compressed);
}

/* The place in scratch of a part's sums of the four gradients. */
static vc_coder part_gradients(float *scratch, size_t part, const vc_autoencoder *ae)
{
    size_t matrix = ae->heads * ae->compressed;
    float *at = scratch + part * gradient_count(ae->heads, ae->compressed);
    return (vc_coder){at, at + matrix, at + matrix + ae->compressed,
                      at + 2 * matrix + ae->compressed};
}

static void add_parts(float *out, const float *parts, size_t count, size_t step)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0.0;
        for (size_t p = 0; p < PARTS; p++)
            sum += parts[p * step + i];
        out[i] += (float)sum;
    }
}

void vc_autoencoder_backward(const vc_coder *grads, float *dx, float *dencoded, float *ddecoded,
                             float *scratch, const float *x, const float *encoded,
                             const float *decoded, const vc_autoencoder *ae, float pull)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_head_mix encoder = encoder_of(ae), decoder = decoder_of(ae);
    const vc_head_mix from_decoded = reversed(decoder, 0), from_encoded = reversed(encoder, 1);
    size_t matrix = ae->heads * ae->compressed;
    size_t step = gradient_count(ae->heads, ae->compressed);
    memset(scratch, 0, PARTS * step * sizeof *scratch);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++) {
        vc_coder sums = part_gradients(scratch, p, ae);
        for (size_t first = part_start(ae, p); first < part_start(ae, p + 1); first += BLOCK) {
            stretch s = block_at(ae, p, first);
            size_t at_x = s.first * ae->x_stride, at_encoded = s.first * ae->encoded_stride;
            size_t at_decoded = s.first * ae->decoded_stride;
            start_gradients(dx + at_x, ddecoded + at_decoded, x + at_x, decoded + at_decoded,
                            s.count, ae, pull);
            kernels->head_mix_gradient_rows(sums.decoder_w, sums.decoder_b, ddecoded + at_decoded,
                                            encoded + at_encoded, s.count, &decoder);
            kernels->head_mix_rows(dencoded + at_encoded, ddecoded + at_decoded, ae->decoder_w,
                                   NULL, s.count, &from_decoded);
            kernels->head_mix_gradient_rows(sums.encoder_w, sums.encoder_b, dencoded + at_encoded,
                                            x + at_x, s.count, &encoder);
            kernels->head_mix_rows(dx + at_x, dencoded + at_encoded, ae->encoder_w, NULL, s.count,
                                   &from_encoded);
        }
    }
    const vc_coder all = part_gradients(scratch, 0, ae);
    add_parts(grads->encoder_w, all.encoder_w, matrix, step);
    add_parts(grads->encoder_b, all.encoder_b, ae->compressed, step);
    add_parts(grads->decoder_w, all.decoder_w, matrix, step);
    add_parts(grads->decoder_b, all.decoder_b, ae->heads, step);
}
