#include "open_engine.h"

#include <stdio.h>
#include <string.h>

#include "vitcod/device.h"

vc_precision cli_precision(const cli_engine_options *options, const vc_model *model)
{
    int precision = VC_IN_FP32;
    if (!options->dtype)
        return model && model->of_int8 ? VC_IN_INT8 : VC_IN_FP32;
    while (precision < VC_PRECISION_COUNT &&
           strcmp(options->dtype, vc_precision_name((vc_precision)precision)) != 0)
        precision++;
    return (vc_precision)precision;
}

int cli_check_engine_options(const cli_command *command, const cli_engine_options *options)
{
    if (cli_precision(options, NULL) == VC_PRECISION_COUNT)
        return cli_usage(command, "--dtype is '%s', wanted fp32, bf16, fp16 or int8",
                         options->dtype);
    if (options->split && cli_split(options) == VC_ENGINE_USUAL_SPLIT)
        return cli_usage(command, "--split-heads is '%s', wanted plan or cost", options->split);
    const vc_backend *backend;
    size_t index;
    if (options->device && vc_device_find(&backend, &index, options->device) != VC_OK)
        return cli_usage(command, "--device: %s", vc_last_error());
    return CLI_CONTINUE;
}

int cli_take_engine(const cli_command *command, const cli_engine_options *options,
                    cli_model_options *model)
{
    const int status = cli_check_engine_options(command, options);
    if (status != CLI_CONTINUE || !options->cache)
        return status;
    if (model->arch)
        return cli_usage(command, "--cache keeps the weights of a MODEL, --arch has random ones");
    if (options->device && strcmp(options->device, "cpu") != 0)
        return cli_usage(command, "--cache is of the CPU, not of %s", options->device);
    model->remember = 1;
    return CLI_CONTINUE;
}

static void on_note(const char *sentence)
{
    fprintf(stderr, "vitcod: %s\n", sentence);
}

vc_pattern_split cli_split(const cli_engine_options *options)
{
    for (int s = 0; options->split && s < VC_PATTERN_WHOLE; s++)
        if (strcmp(options->split, vc_pattern_split_name((vc_pattern_split)s)) == 0)
            return (vc_pattern_split)s;
    return VC_ENGINE_USUAL_SPLIT;
}

vc_engine_options cli_engine_how(const cli_engine_options *options, const vc_model *model,
                                 size_t batch)
{
    vc_engine_options how = vc_engine_options_default();
    how.precision = cli_precision(options, model);
    cli_note_precision(how.precision);
    how.batch = batch;
    how.split = cli_split(options);
    how.cache = options->cache;
    how.on_note = on_note;
    if (options->device && vc_device_find(&how.backend, &how.device, options->device) == VC_OK)
        cli_note_device(options->device);
    return how;
}
