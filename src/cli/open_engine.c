#include "open_engine.h"

#include <stdlib.h>
#include <string.h>

vc_precision cli_precision(const cli_engine_options *options)
{
    int precision = VC_IN_FP32;
    while (options->dtype && precision < VC_PRECISION_COUNT &&
           strcmp(options->dtype, vc_precision_name((vc_precision)precision)) != 0)
        precision++;
    return (vc_precision)precision;
}

int cli_check_engine_options(const cli_command *command, const cli_engine_options *options)
{
    if (cli_precision(options) == VC_PRECISION_COUNT)
        return cli_usage(command, "--dtype is '%s', wanted fp32, bf16 or int8", options->dtype);
    return CLI_CONTINUE;
}

vc_status cli_open_engine(cli_engine *out, const vc_model *model, const cli_engine_options *options,
                          size_t batch)
{
    vc_engine_options how = vc_engine_options_default();
    *out = (cli_engine){.batch = batch};
    how.precision = cli_precision(options);
    how.batch = batch;
    out->logits = malloc(batch * vc_model_input_of(&model->config).outputs * sizeof *out->logits);
    vc_status status = out->logits ? vc_engine_open(&out->engine, model, &how)
                                   : vc_fail(VC_ENOMEM, "out of memory for %zu images", batch);
    if (status != VC_OK)
        cli_close_engine(out);
    return status;
}

void cli_close_engine(cli_engine *engine)
{
    vc_engine_close(engine->engine);
    free(engine->logits);
    *engine = (cli_engine){0};
}

static vc_status run(void *context, const float **logits, const float *images, size_t count)
{
    cli_engine *engine = context;
    *logits = engine->logits;
    return vc_engine_run(engine->engine, engine->logits, images, count);
}

vc_runner cli_engine_runner(cli_engine *engine)
{
    return (vc_runner){run, engine, engine->batch};
}
