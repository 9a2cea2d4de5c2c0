/* Maps of attention that devices average, and attention in parts, against the CPU's. */
#include <math.h>
#include <stdlib.h>

#include "../../src/models/deit/deit.h"
#include "../engine_logits.h"
#include "../summary_plans.h"
#include "../tiny_levit.h"
#include "lane_backend.c"
#include "vitcod/attention_stats.h"
#include "vitcod/backend.h"

enum { IMAGES = 3 };

/* The sums over images of one layer, which the forward pass hands out. */
typedef struct wanted {
    size_t layer, rows; /* rows: of maps of an image, (H, Tq, Tk) */
    double *sums;
} wanted;

static void add_probs(void *context, const vc_acts *acts, size_t layer, const float *probs,
                      size_t batch)
{
    wanted *w = context;
    (void)acts;
    for (size_t i = 0; layer == w->layer && i < batch * w->rows; i++)
        w->sums[i % w->rows] += (double)probs[i];
}

static void check_layer(vc_engine *engine, const vc_model *model, const float *images, size_t layer)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    wanted want = {.layer = layer, .rows = l.heads * l.queries * l.keys};
    const vc_tap tap = {.attention = add_probs, .context = &want};
    float *have = malloc(want.rows * sizeof *have);
    vc_acts acts;
    want.sums = calloc(want.rows, sizeof *want.sums);
    assert_ok(vc_acts_open(&acts, model, IMAGES, 0));
    vc_model_forward(&acts, model, images, IMAGES, &tap);
    vc_acts_close(&acts);
    assert_ok(vc_engine_maps(have, engine, layer));
    for (size_t i = 0; i < want.rows; i++)
        if (!(fabs((double)have[i] - want.sums[i]) <= 1e-5 * IMAGES))
            fail_msg("layer %zu, entry %zu is %.9g, wanted %.9g", layer, i, (double)have[i],
                     want.sums[i]);
    free(have);
    free(want.sums);
}

/* Attention in parts gives the same logits, and tells the shares of its parts. */
static void check_parts(const vc_model *model, const float *images, const float *logits,
                        size_t outputs, vc_engine_options options)
{
    float *have = malloc(IMAGES * outputs * sizeof *have);
    vc_engine *engine;
    double most = 0.0;
    options.attention = VC_ATTENTION_APART;
    assert_ok(vc_engine_open(&engine, model, &options));
    vc_engine_time(engine, 1);
    assert_ok(vc_engine_run(engine, have, images, IMAGES));
    for (size_t i = 0; i < IMAGES * outputs; i++)
        most = fmax(most, fabs((double)logits[i]));
    for (size_t i = 0; i < IMAGES * outputs; i++)
        assert_near(have[i] / most, logits[i] / most, 1e-5);
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        if (op.kind != VC_OP_ATTENTION)
            continue;
        for (size_t p = 0; p < VC_ATTENTION_PHASES; p++)
            assert_true(op.phases[p] > 0.0 && op.phases[p] < 1.0);
        assert_near(op.phases[0] + op.phases[1] + op.phases[2], 1.0, 1e-9);
    }
    assert_fails(vc_engine_maps(have, engine, 0), VC_EINVAL, "without maps");
    vc_engine_close(engine);
    free(have);
}

static void check_on(const vc_backend *backend, const vc_model *model)
{
    const size_t values = IMAGES * vc_model_image_values(&model->config),
                 outputs = vc_model_input_of(&model->config).outputs;
    float *images = malloc(values * sizeof *images),
          *logits = malloc(IMAGES * outputs * sizeof *logits);
    vc_engine_options options = vc_engine_options_default();
    vc_rng rng = vc_rng_open(6, 0, 0);
    vc_engine *engine;
    for (size_t i = 0; i < values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    options.backend = backend;
    options.batch = IMAGES;
    options.threads = 1;
    options.attention = VC_ATTENTION_MAPS;
    assert_ok(vc_engine_open(&engine, model, &options));
    for (int run = 0; run < 2; run++) /* a run's maps are its own */
        assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    for (size_t l = 0; l < vc_model_layers(&model->config); l++)
        check_layer(engine, model, images, l);
    vc_engine_close(engine);
    check_parts(model, images, logits, outputs, options);
    free(images);
    free(logits);
}

static size_t on_devices(const vc_model *model)
{
    const vc_backend *backend;
    size_t tried = 0;
    for (size_t i = 1; (backend = backend_or_lanes(i)); i++) {
        const vc_backend_options options = {.batch = 1, .threads = 1};
        void *device;
        if (backend->open(&device, &options) != VC_OK) {
            printf("# skipped: %s\n", vc_last_error());
            continue;
        }
        backend->close(device);
        check_on(backend, model);
        tried++;
        if (backend == &lane_backends[0]) /* the other differs in products alone */
            break;
    }
    return tried;
}

static void a_deit(void **state)
{
    const vc__deit_config config = {.image = {24, 24},
                                    .patch = {4, 4},
                                    .channels = 3,
                                    .classes = 7,
                                    .width = 48,
                                    .depth = 2,
                                    .heads = 3,
                                    .hidden = 96,
                                    .std = {1, 1, 1}};
    vc_model *model;
    vc_mask mask;
    (void)state;
    assert_ok(vc__deit_create(&model, &config, 1));
    const size_t tried = on_devices(model);
    assert_ok(vc_mask_open(&mask, config.depth, config.heads, 37, 37));
    summary_mask(&mask, 0);
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    vc_mask_close(&mask);
    on_devices(model);
    vc_model_close(model);
    if (tried == 0)
        skip();
}

static void a_levit(void **state)
{
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    (void)state;
    const size_t tried = on_devices(model);
    vc_model_close(model);
    if (tried == 0)
        skip();
}

static void refusals(void **state)
{
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_engine_options options = vc_engine_options_default();
    vc_engine *engine;
    (void)state;
    options.attention = VC_ATTENTION_MAPS;
    assert_fails(vc_engine_open(&engine, model, &options), VC_EUNSUPPORTED,
                 "cpu keeps no maps of attention, wanted a device");
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_deit), cmocka_unit_test(a_levit),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
