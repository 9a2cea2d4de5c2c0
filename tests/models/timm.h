/* Models whose weights and images follow a formula, and what timm makes of them:
 * tools/golden/models.py has the other side. */
#ifndef VC_TEST_TIMM_H
#define VC_TEST_TIMM_H

#include "engine_logits.h"
#include "noise.h"
#include "vitcod/json.h"
#include "vitcod/model.h"

enum { CLASSES = 10, BATCH = 2, IMAGE = 112 }; /* IMAGE: the largest */

static inline void set_weights(vc_model *model)
{
    for (size_t p = 0; p < model->param_count; p++) {
        vc_param *param = &model->params[p];
        const char *name = param->name;
        noise(param->data, name, param->count);
        float shift = 0.0f, scale = 0.3f;
        if (strstr(name, "running_var")) {
            shift = 1.0f;
            scale = 0.5f;
        } else if (strstr(name, ".bn.weight") ||
                   (strstr(name, "norm") && strstr(name, ".weight"))) {
            shift = 1.0f;
        } else if (param->rank >= 2 && !strstr(name, "attention_biases") &&
                   !strstr(name, "token") && !strstr(name, "pos_embed")) {
            int steep = strstr(name, ".qkv.") || strstr(name, ".kv.") || strstr(name, ".q.");
            scale = (steep ? 2.0f : 1.5f) / sqrtf((float)(param->count / param->shape[0]));
        }
        for (size_t i = 0; i < param->count; i++)
            param->data[i] = shift + scale * param->data[i];
    }
}

/* Written and read back, so that files and folding are part of it. */
static inline vc_model *make(const vc_model_config *config, int in_place)
{
    vc_model *made, *model;
    const vc_model_options options = {.in_place = in_place};
    assert_ok(vc_model_create(&made, config, 0));
    set_weights(made);
    assert_ok(vc_model_write(temporary("model.safetensors"), made));
    vc_model_close(made);
    assert_ok(vc_model_open(&model, temporary("model.safetensors"), &options));
    return model;
}

static float timm_images[BATCH * 3 * IMAGE * IMAGE];

static inline void forward(float *logits, vc_model *model, double *reconstruction)
{
    vc_acts acts;
    noise(timm_images, "images", BATCH * vc_model_image_values(&model->config));
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    vc_model_forward(&acts, model, timm_images, BATCH, NULL);
    memcpy(logits, acts.logits, BATCH * CLASSES * sizeof *logits);
    *reconstruction = vc_model_reconstruction(&acts, model);
    vc_acts_close(&acts);
}

/* Largest difference to the golden logits, relative to the largest of these. */
static inline void compare(const float *logits, const json_t *golden, const char *key,
                           const char *what, double tolerance)
{
    double difference = 0.0, largest = 0.0;
    const json_t *want = json_object_get(golden, key);
    assert_int_equal(json_array_size(want), BATCH * CLASSES);
    for (size_t i = 0; i < BATCH * CLASSES; i++) {
        double value = json_real_value(json_array_get(want, i));
        difference = fmax(difference, fabs(logits[i] - value));
        largest = fmax(largest, fabs(value));
    }
    if (!(difference <= tolerance * largest))
        fail_msg("%s, %s: relative error %g, wanted at most %g", key, what, difference / largest,
                 tolerance);
    print_message("%s, %s: relative error %.2g\n", key, what, difference / largest);
}

static inline void check_forward(vc_model *model, const json_t *golden, const char *key)
{
    float logits[BATCH * CLASSES];
    double reconstruction;
    char name[64];
    forward(logits, model, &reconstruction);
    compare(logits, golden, key, "forward", 1e-4);
    snprintf(name, sizeof name, "%s_reconstruction", key);
    const json_t *loss = json_object_get(golden, name);
    assert_near(reconstruction, json_real_value(loss), 1e-5 * json_real_value(loss));
}

static inline void check_engine(vc_model *model, const json_t *golden, const char *key, double bf16,
                                double int8)
{
    float logits[BATCH * CLASSES];
    noise(timm_images, "images", BATCH * vc_model_image_values(&model->config));
    engine_logits(logits, model, timm_images, BATCH, VC_IN_FP32);
    compare(logits, golden, key, "engine", 1e-4);
    for (int p = VC_IN_BF16; p <= VC_IN_INT8; p++) {
        if (!vc_precision_supported((vc_precision)p))
            continue;
        engine_logits(logits, model, timm_images, BATCH, (vc_precision)p);
        compare(logits, golden, key, vc_precision_name((vc_precision)p),
                p == VC_IN_BF16 ? bf16 : int8);
    }
}

static inline void check_logits(vc_model *model, const json_t *golden, const char *key)
{
    check_forward(model, golden, key);
    /* A bfloat16 is off by up to 1/512, an int8 by 1/254 of its row's largest; random weights
     * pass errors on undamped through some sixty products: up to 0.06 and 0.09 were seen. */
    check_engine(model, golden, key, 0.1, 0.2);
}

static inline json_t *golden_in(const char *path, const char *name)
{
    json_error_t error;
    json_t *all = json_load_file(path, 0, &error);
    assert_non_null(all);
    json_t *golden = json_incref(json_object_get(all, name));
    json_decref(all);
    assert_non_null(golden);
    return golden;
}

static inline json_t *golden_of(const char *name)
{
    return golden_in("tools/golden/models.json", name);
}

#endif
