#include "open_plan.h"
#include "profile.h"

static json_t *cost_json(const vc_cost *c, size_t batch)
{
    const double bytes = vc_cost_bytes(c, batch);
    json_t *object = json_pack("{s:I, s:I, s:f}", "macs", (json_int_t)c->macs, "flops",
                               (json_int_t)c->flops, "bytes", bytes);
    if (bytes > 0.0)
        json_object_set_new(object, "intensity", json_real((double)c->flops / bytes));
    return object;
}

static int is_empty(const vc_cost *c)
{
    return c->flops == 0 && c->value_bytes == 0 && c->weight_bytes == 0;
}

/* Of layers first to last; -1: outside. */
static json_t *works_json(const vc_model_profile *p, int first, int last, size_t batch)
{
    json_t *list = json_array();
    for (int w = 0; w < VC_WORK_COUNT; w++) {
        const vc_cost sum = vc_model_profile_sum(p, first, last, w);
        if (is_empty(&sum))
            continue;
        json_t *object = cost_json(&sum, batch);
        json_object_set_new(object, "work", json_string(vc_work_name((vc_work)w)));
        json_array_append_new(list, object);
    }
    return list;
}

static void add_counts(json_t *result, const vc_model_profile *p, size_t batch)
{
    const vc_cost all = vc_model_profile_sum(p, -1, (int)p->layers - 1, VC_WORK_COUNT);
    json_t *layers = json_array();
    for (int l = -1; l < (int)p->layers; l++) {
        const vc_cost sum = vc_model_profile_sum(p, l, l, VC_WORK_COUNT);
        json_t *layer = cost_json(&sum, batch);
        json_object_set_new(layer, "layer", json_integer(l));
        json_object_set_new(layer, "work", works_json(p, l, l, batch));
        json_array_append_new(layers, layer);
    }
    json_object_update_new(result, cost_json(&all, batch));
    json_object_set_new(result, "work", works_json(p, -1, (int)p->layers - 1, batch));
    json_object_set_new(result, "layers", layers);
}

static void add_model(json_t *result, const vc_model_config *config, const vc_plan *plan,
                      const cli_profile_options *o)
{
    json_object_update_new(result,
                           json_pack("{s:o, s:s, s:I, s:I, s:s}", "model",
                                     cli_text(o->model.arch ? o->model.arch : o->model.path),
                                     "architecture", vc_model_family(config), "image_size",
                                     (json_int_t)vc_model_input_of(config).width, "batch",
                                     (json_int_t)o->batch, "dtype",
                                     vc_precision_name(cli_precision(&o->engine))));
    if (plan)
        cli_add_plan_hash(result, plan);
}

static vc_status count_config(json_t *result, const vc_model_config *config, const vc_plan *plan,
                              const cli_profile_options *o)
{
    vc_model_profile p;
    VC_TRY(vc_config_profile_open(&p, config, plan, cli_precision(&o->engine)));
    add_model(result, config, plan, o);
    add_counts(result, &p, o->batch);
    vc_model_profile_close(&p);
    return VC_OK;
}

static vc_status count_preset(json_t *result, const cli_profile_options *o)
{
    vc_model_config config;
    vc_plan plan;
    VC_TRY(cli_preset(&config, &o->model));
    if (!o->model.plan || cli_is_none(o->model.plan))
        return count_config(result, &config, NULL, o);
    VC_TRY(vc_plan_read(&plan, o->model.plan));
    vc_status status = vc_model_check_plan(&config, &plan, o->model.plan);
    if (status == VC_OK)
        status = count_config(result, &config, &plan, o);
    vc_plan_close(&plan);
    return status;
}

static vc_status measure(json_t *result, const vc_model_profile *p, const vc_model *model,
                         const cli_profile_options *o)
{
    enum { REPEATS = 30 };
    vc_model_times times;
    vc_model_times_options how = {.engine = vc_engine_options_default(),
                                  .repeats = o->repeats == CLI_UNSET ? REPEATS : o->repeats,
                                  .seed = o->model.seed,
                                  .trace = o->trace};
    how.engine.precision = cli_precision(&o->engine);
    how.engine.batch = o->batch;
    vc_progress progress = vc_progress_begin("measuring", how.repeats);
    how.progress = &progress;
    const vc_status status = vc_model_times_open(&times, model, &how);
    vc_progress_end(&progress);
    VC_TRY(status);
    cli_add_times(result, &times, p, o);
    vc_model_times_close(&times);
    return VC_OK;
}

vc_status cli_profile_model(json_t *result, const cli_profile_options *o)
{
    vc_model_profile p;
    vc_model *model;
    if (o->count && o->model.arch && !o->model.mask)
        return count_preset(result, o);
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    vc_status status = vc_model_profile_open(&p, model, cli_precision(&o->engine));
    if (status == VC_OK) {
        add_model(result, &model->config, vc_model_plan(model), o);
        add_counts(result, &p, o->batch);
        if (!o->count)
            status = measure(result, &p, model, o);
    }
    vc_model_profile_close(&p);
    vc_model_close(model);
    return status;
}
