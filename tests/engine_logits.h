/* Computes logits by the engine, and checks that they have the same bits for any number of threads
 * and are nearly the same however attention is split. */
#ifndef VC_TEST_ENGINE_LOGITS_H
#define VC_TEST_ENGINE_LOGITS_H

#include "testing.h"
#include "vitcod/engine.h"

static inline void run_engine(float *logits, const vc_model *model, const float *x, size_t count,
                              const vc_engine_options *options)
{
    vc_engine *engine;
    assert_ok(vc_engine_open(&engine, model, options));
    assert_ok(vc_engine_run(engine, logits, x, count));
    vc_engine_close(engine);
}

static inline void engine_logits(float *logits, const vc_model *model, const float *x, size_t count,
                                 vc_precision precision)
{
    static const size_t threads[] = {2, 3, 8};
    const size_t values = count * vc_model_input_of(&model->config).outputs;
    float *other = malloc(values * sizeof *other);
    vc_engine_options options = vc_engine_options_default();
    assert_non_null(other);
    options.batch = count;
    options.precision = precision;
    options.threads = 1;
    run_engine(logits, model, x, count, &options);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        options.threads = threads[t];
        run_engine(other, model, x, count, &options);
        for (size_t i = 0; i < values; i++)
            if (memcmp(&logits[i], &other[i], sizeof *other) != 0)
                fail_msg("%s, %zu threads, logit %zu: %.9g, with one thread %.9g",
                         vc_precision_name(precision), threads[t], i, (double)other[i],
                         (double)logits[i]);
    }
    free(other);
}

#endif
