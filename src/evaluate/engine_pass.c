#include "vitcod/engine_pass.h"

#include <math.h>
#include <stdlib.h>

#include "vitcod/loss.h"

vc_status vc_engine_pass_open(vc_engine_pass *out, const vc_model *model,
                              const vc_engine_options *options)
{
    const size_t batch = options->batch;
    *out = (vc_engine_pass){.batch = batch};
    out->logits = malloc(batch * vc_model_input_of(&model->config).outputs * sizeof *out->logits);
    const vc_status status = out->logits
                                 ? vc_engine_open(&out->engine, model, options)
                                 : vc_fail(VC_ENOMEM, "out of memory for %zu images", batch);
    if (status != VC_OK)
        vc_engine_pass_close(out);
    return status;
}

void vc_engine_pass_close(vc_engine_pass *pass)
{
    vc_engine_close(pass->engine);
    free(pass->logits);
    *pass = (vc_engine_pass){0};
}

static vc_status run_engine(void *context, const float **logits, const float *images, size_t count)
{
    vc_engine_pass *pass = context;
    *logits = pass->logits;
    return vc_engine_run(pass->engine, pass->logits, images, count);
}

vc_runner vc_engine_runner(vc_engine_pass *pass)
{
    return (vc_runner){run_engine, pass, pass->batch};
}

/* ---- maps */

vc_status vc_maps_pass_open(vc_maps_pass *out, const vc_model *model,
                            const vc_engine_options *options, vc_maps_sink *sink, void *context)
{
    vc_engine_options how = *options;
    size_t most = 0;
    *out = (vc_maps_pass){.model = model, .sink = sink, .context = context};
    for (size_t i = 0; i < vc_model_layers(&model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&model->config, i);
        const size_t entries = l.heads * l.queries * l.keys;
        most = entries > most ? entries : most;
    }
    how.attention = VC_ATTENTION_MAPS;
    out->maps = malloc(most * sizeof *out->maps);
    const vc_status status = out->maps ? vc_engine_pass_open(&out->engine, model, &how)
                                       : vc_fail(VC_ENOMEM, "out of memory for %zu entries", most);
    if (status != VC_OK)
        vc_maps_pass_close(out);
    return status;
}

void vc_maps_pass_close(vc_maps_pass *pass)
{
    vc_engine_pass_close(&pass->engine);
    free(pass->maps);
    *pass = (vc_maps_pass){0};
}

static vc_status run_maps(void *context, const float **logits, const float *images, size_t count)
{
    const vc_maps_pass *p = context;
    *logits = p->engine.logits;
    VC_TRY(vc_engine_run(p->engine.engine, p->engine.logits, images, count));
    for (size_t i = 0; i < vc_model_layers(&p->model->config); i++) {
        VC_TRY(vc_engine_maps(p->maps, p->engine.engine, i));
        p->sink(p->context, i, p->maps, count);
    }
    return VC_OK;
}

vc_runner vc_maps_runner(vc_maps_pass *pass)
{
    return (vc_runner){run_maps, pass, pass->engine.batch};
}

/* ---- two side by side */

vc_status vc_engine_comparison_open(vc_engine_comparison *out, const vc_model *model,
                                    const vc_engine_options *exact, const vc_engine_options *other)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    *out = (vc_engine_comparison){.outputs = input.outputs, .classifies = input.classes > 0};
    VC_TRY(vc_engine_pass_open(&out->exact, model, exact));
    const vc_status status = vc_engine_pass_open(&out->other, model, other);
    if (status != VC_OK)
        vc_engine_comparison_close(out);
    return status;
}

void vc_engine_comparison_close(vc_engine_comparison *comparison)
{
    vc_engine_pass_close(&comparison->exact);
    vc_engine_pass_close(&comparison->other);
}

static vc_status run_both(void *context, const float **logits, const float *images, size_t count)
{
    vc_engine_comparison *c = context;
    const float *exact = c->exact.logits, *other = c->other.logits;
    VC_TRY(vc_engine_run(c->exact.engine, c->exact.logits, images, count));
    VC_TRY(vc_engine_run(c->other.engine, c->other.logits, images, count));
    for (size_t i = 0; i < count * c->outputs; i++) {
        c->difference = fmax(c->difference, fabs((double)exact[i] - other[i]));
        c->largest = fmax(c->largest, fabs((double)exact[i]));
    }
    for (size_t i = 0; i < count; i++)
        c->same += vc_first_class(exact + i * c->outputs, c->outputs) ==
                   vc_first_class(other + i * c->outputs, c->outputs);
    c->images += count;
    *logits = other;
    return VC_OK;
}

vc_runner vc_engine_comparison_runner(vc_engine_comparison *comparison)
{
    return (vc_runner){run_both, comparison, comparison->exact.batch};
}

/* ---- as results have it */

static const vc_field error_fields[] = {
    {VC_FIELD(vc_engine_error, same_class_percent, "%", "images with the same class as in fp32"),
     VC_KNOWN},
    {VC_FIELD(vc_engine_error, largest_logit_error, "", "relative to the largest logit")},
};
const vc_record vc_engine_error_record = VC_RECORD("error", vc_engine_error, error_fields);

vc_engine_error vc_engine_comparison_error(const vc_engine_comparison *c)
{
    const double same = 100.0 * (double)c->same / (double)c->images;
    return (vc_engine_error){.same_class_percent = c->classifies ? same : NAN,
                             .largest_logit_error = c->difference / c->largest};
}
