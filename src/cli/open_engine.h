/* What the commands that run an engine have in common. */
#ifndef VC_OPEN_ENGINE_H
#define VC_OPEN_ENGINE_H

#include "cli.h"
#include "open_model.h"
#include "vitcod/engine.h"

typedef struct cli_engine_options {
    const char *dtype;  /* NULL: as the file's */
    const char *split;  /* NULL: the usual one (engine.h) */
    const char *device; /* NULL: the CPU */
    int cache;          /* 1: packed weights are kept, and shared by processes */
} cli_engine_options;

#define CLI_ENGINE_OPTIONS(options) CLI_ENGINE_OPTIONS_AND(options, "split")
/* Beside options of data, whose --split is a part of the data, there is no alias (NULL). */
#define CLI_ENGINE_OPTIONS_AND(options, alias)                                                     \
    {"dtype", "fp32|bf16|fp16|int8",                                                               \
     "precision of the products (default: the file's); fp16 on a device, int8 on the CPU alone",   \
     CLI_TEXT, &(options).dtype},                                                                  \
        {"device", "cpu|opencl|cuda|NAME:N",                                                       \
         "what runs it (default cpu); opencl:1 is OpenCL's second, see devices", CLI_TEXT,         \
         &(options).device},                                                                       \
    {                                                                                              \
        "split-heads", "plan|cost",                                                                \
            "keys computed densely: plan, its global tokens (default); cost, what is fastest "     \
            "here (a mask's default)",                                                             \
            CLI_TEXT, &(options).split, alias                                                      \
    }

/* Of commands that load a model to use it, not to time it. */
#define CLI_CACHE_OPTION(options)                                                                  \
    {                                                                                              \
        "cache", NULL, "keep packed weights, and share them among processes (see `vitcod cache`)", \
            CLI_FLAG, &(options).cache                                                             \
    }

/* What was asked for, else int8 for a model whose file is, else fp32; `model` may be NULL.
 * VC_PRECISION_COUNT for a name that none has. */
vc_precision cli_precision(const cli_engine_options *options, const vc_model *model);

/* CLI_CONTINUE for options that can be followed. */
int cli_check_engine_options(const cli_command *command, const cli_engine_options *options);
/* The same, and what the model's options must know of it. */
int cli_take_engine(const cli_command *command, const cli_engine_options *options,
                    cli_model_options *model);

/* How heads are split; VC_ENGINE_USUAL_SPLIT where nothing was asked. */
vc_pattern_split cli_split(const cli_engine_options *options);
#define CLI_SPLIT_MEANING "what attention's heads are split by: plan, cost; whole: they are not"

/* The engine that the options ask for; the result will say its precision. */
vc_engine_options cli_engine_how(const cli_engine_options *options, const vc_model *model,
                                 size_t batch);

#endif
