/* The auto-encoder: forward against plain loops, backward against differences, any number of
 * threads. */
#include <omp.h>

#include "random.h"
#include "testing.h"
#include "vitcod/autoencoder.h"

enum { H = 3, Z = 2, D = 5, TOKENS = 150, X = 47, E = 23, OUT = 40 };
static float x[TOKENS * X], encoded[TOKENS * E], decoded[TOKENS * OUT], dout[TOKENS * OUT];
static float encoder_w[Z * H], encoder_b[Z], decoder_w[H * Z], decoder_b[H];
static const vc_autoencoder ae = {H,   Z,         D,         TOKENS,    X,        E,
                                  OUT, encoder_w, encoder_b, decoder_w, decoder_b};

static void set_up(void)
{
    fill(x, TOKENS * X, 1);
    fill(dout, TOKENS * OUT, 2);
    fill(encoder_w, Z * H, 3);
    fill(encoder_b, Z, 4);
    fill(decoder_w, H * Z, 5);
    fill(decoder_b, H, 6);
}

/* The definition, in double. Returns <decoded, dout> + pull / 2 * ||x - decoded||^2. */
static double plain(double *squared_distance, double pull)
{
    double loss = 0.0;
    *squared_distance = 0.0;
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t c = 0; c < D; c++) {
            double middle[Z];
            for (size_t o = 0; o < Z; o++) {
                middle[o] = encoder_b[o];
                for (size_t i = 0; i < H; i++)
                    middle[o] += (double)encoder_w[o * H + i] * x[t * X + i * D + c];
            }
            for (size_t o = 0; o < H; o++) {
                double value = decoder_b[o], in = x[t * X + o * D + c];
                for (size_t i = 0; i < Z; i++)
                    value += (double)decoder_w[o * Z + i] * middle[i];
                loss += value * dout[t * OUT + o * D + c];
                *squared_distance += (in - value) * (in - value);
            }
        }
    return loss + 0.5 * pull * *squared_distance;
}

static void forward(void **state)
{
    (void)state;
    double want, loss, have = 0.0;
    set_up();
    double distance = vc_autoencoder_forward(encoded, decoded, x, &ae);
    loss = plain(&want, 0.0);
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t c = 0; c < H * D; c++)
            have += (double)decoded[t * OUT + c] * dout[t * OUT + c];
    assert_near(have, loss, 1e-3);
    assert_near(distance, want, 1e-5 * want);
}

static void check_differences(const float *gradient, float *values, size_t count, size_t step,
                              float pull)
{
    for (size_t i = 0; i < count; i += step) {
        double ignored, up, down;
        float kept = values[i], low = kept - 1e-2f, high = kept + 1e-2f;
        values[i] = high;
        up = plain(&ignored, pull);
        values[i] = low;
        down = plain(&ignored, pull);
        values[i] = kept;
        double want = (up - down) / ((double)high - low);
        assert_near(gradient[i], want, 2e-4 * (1.0 + fabs(want)));
    }
}

static void check_backward(float pull)
{
    static float dx[TOKENS * X], dencoded[TOKENS * E], ddecoded[TOKENS * OUT];
    float ew[Z * H] = {0}, eb[Z] = {0}, dw[H * Z] = {0}, db[H] = {0};
    vc_coder grads = {ew, eb, dw, db};
    float *scratch = malloc(vc_autoencoder_scratch_floats(H, Z) * sizeof *scratch);
    set_up();
    vc_autoencoder_forward(encoded, decoded, x, &ae);
    memcpy(ddecoded, dout, sizeof dout);
    fill(dx, TOKENS * X, 9);
    vc_autoencoder_backward(&grads, dx, dencoded, ddecoded, scratch, x, encoded, decoded, &ae,
                            pull);
    check_differences(dx, x, H * D, 1, pull);
    check_differences(dx + (TOKENS - 1) * X, x + (TOKENS - 1) * X, H * D, 1, pull);
    check_differences(ew, encoder_w, Z * H, 1, pull);
    check_differences(eb, encoder_b, Z, 1, pull);
    check_differences(dw, decoder_w, H * Z, 1, pull);
    check_differences(db, decoder_b, H, 1, pull);
    free(scratch);
}

static void backward(void **state)
{
    (void)state;
    check_backward(0.0f);
}

static void backward_with_reconstruction(void **state)
{
    (void)state;
    check_backward(0.3f);
}

typedef struct outcome {
    double distance;
    float encoded[TOKENS * E], decoded[TOKENS * OUT], dx[TOKENS * X];
    float encoder_w[Z * H], encoder_b[Z], decoder_w[H * Z], decoder_b[H];
} outcome;

static void run(outcome *o, int threads)
{
    static float dencoded[TOKENS * E], ddecoded[TOKENS * OUT];
    vc_coder grads = {o->encoder_w, o->encoder_b, o->decoder_w, o->decoder_b};
    float *scratch = malloc(vc_autoencoder_scratch_floats(H, Z) * sizeof *scratch);
    omp_set_num_threads(threads);
    memset(o, 0, sizeof *o);
    memcpy(ddecoded, dout, sizeof dout);
    o->distance = vc_autoencoder_forward(o->encoded, o->decoded, x, &ae);
    vc_autoencoder_backward(&grads, o->dx, dencoded, ddecoded, scratch, x, o->encoded, o->decoded,
                            &ae, 0.3f);
    free(scratch);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    static outcome one, several;
    int threads = omp_get_max_threads();
    set_up();
    run(&one, 1);
    for (int n = 2; n <= 5; n++) {
        run(&several, n);
        assert_true(memcmp(&one, &several, sizeof one) == 0);
    }
    omp_set_num_threads(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forward), cmocka_unit_test(backward),
                                       cmocka_unit_test(backward_with_reconstruction),
                                       cmocka_unit_test(threads_do_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
