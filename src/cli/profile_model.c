#include "profile.h"

static vc_status count_config(cli_profile_result *result, const vc_model_config *config,
                              const vc_plan *plan, const cli_profile_options *o)
{
    vc_model_profile p;
    const vc_precision precision = cli_precision(&o->engine, NULL);
    cli_note_precision(precision);
    VC_TRY(vc_config_profile_open(&p, config, plan, precision));
    if (plan)
        vc_plan_hash_text(result->plan_hash, plan);
    const vc_status status =
        vc_profile_result_open(&result->profile, &p, config, precision, o->batch);
    vc_model_profile_close(&p);
    return status;
}

static vc_status count_preset(cli_profile_result *result, const cli_profile_options *o)
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

static vc_status measure(cli_profile_result *result, const vc_model_profile *p,
                         const vc_model *model, const cli_profile_options *o)
{
    enum { REPEATS = 30 };
    vc_model_times times;
    vc_model_times_options how = {.repeats = o->runs == CLI_UNSET ? REPEATS : o->runs,
                                  .seed = o->model.seed,
                                  .trace = o->trace};
    how.engine = cli_engine_how(&o->engine, model, o->batch);
    result->split = vc_pattern_split_name(vc_engine_split(model, &how.engine));
    vc_progress progress = vc_progress_begin("measuring", how.repeats);
    how.progress = &progress;
    const vc_status status = vc_model_times_open(&times, model, &how);
    vc_progress_end(&progress);
    VC_TRY(status);
    vc_profile_result_add_times(&result->profile, p, &times, &how.engine);
    vc_model_times_close(&times);
    return VC_OK;
}

vc_status cli_profile_model(cli_profile_result *result, const cli_profile_options *o)
{
    vc_model_profile p;
    vc_model *model;
    result->of_model = true;
    result->model = o->model.arch ? o->model.arch : o->model.path;
    if (o->count && o->model.arch && !o->model.mask)
        return count_preset(result, o);
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    cli_model_plan_hash(result->plan_hash, model);
    const vc_precision precision = cli_engine_how(&o->engine, model, o->batch).precision;
    vc_status status = vc_model_profile_open(&p, model, precision);
    if (status == VC_OK)
        status = vc_profile_result_open(&result->profile, &p, &model->config, precision, o->batch);
    if (status == VC_OK && !o->count)
        status = measure(result, &p, model, o);
    vc_model_profile_close(&p);
    vc_model_close(model);
    return status;
}
