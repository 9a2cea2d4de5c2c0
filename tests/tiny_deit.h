/* A small DeiT with random norms and biases, images for it, and its logits by the forward pass. */
#ifndef VC_TEST_TINY_DEIT_H
#define VC_TEST_TINY_DEIT_H

#include <math.h>

#include "../src/models/deit/deit.h"
#include "testing.h"
#include "vitcod/rng.h"

enum { IMAGE = 24, PIXELS = 3 * IMAGE * IMAGE, CLASSES = 7, IMAGES = 5, TOKENS = 37 };

static const vc__deit_config config = {.image = {IMAGE, IMAGE},
                                       .patch = {4, 4},
                                       .channels = 3,
                                       .classes = CLASSES,
                                       .width = 48,
                                       .depth = 3,
                                       .heads = 3,
                                       .hidden = 96,
                                       .std = {1, 1, 1}};
static float images[IMAGES * PIXELS];

/* The model with so many layers; fills `images`. */
static inline vc_model *make_tiny_deit(size_t depth)
{
    vc__deit_config c = config;
    vc_model *model;
    vc_rng rng = vc_rng_open(3, 0, 0);
    c.depth = depth;
    assert_ok(vc__deit_create(&model, &c, 1));
    for (size_t i = 0; i < IMAGES * PIXELS; i++)
        images[i] = (float)vc_rng_normal(&rng);
    for (size_t p = 0; p < model->param_count; p++) /* norms and biases of all kinds */
        for (size_t i = 0; model->params[p].rank == 1 && i < model->params[p].count; i++)
            model->params[p].data[i] += 0.3f * (float)vc_rng_normal(&rng);
    return model;
}

static inline void forward(float *logits, const vc_model *model)
{
    vc_acts acts;
    assert_ok(vc_acts_open(&acts, model, IMAGES, 0));
    vc_model_forward(&acts, model, images, IMAGES, NULL);
    memcpy(logits, acts.logits, IMAGES * CLASSES * sizeof *logits);
    vc_acts_close(&acts);
}

static inline void assert_close(const float *have, const float *want, double tolerance)
{
    double largest = 0.0;
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        assert_near(have[i], want[i], tolerance * largest);
}

#endif
