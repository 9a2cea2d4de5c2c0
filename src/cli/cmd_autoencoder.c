#include <stdio.h>

#include "cli.h"
#include "coded.h"
#include "commands.h"
#include "make_autoencoder.h"
#include "written.h"

typedef struct autoencoder_result {
    const char *autoencoder;
    cli_autoencoder made;
} autoencoder_result;

static const vc_field result_fields[] = {
    {VC_FIELD(autoencoder_result, autoencoder, "", "file that was written")},
    {VC_FIELD_INLINE(autoencoder_result, made, &cli_autoencoder_record)},
    {VC_FIELD_INLINE(autoencoder_result, made.seen, &cli_images_record)},
};
static const vc_record result_record = VC_RECORD("autoencoder", autoencoder_result, result_fields);

/* A layer without one stands between stages. */
static void print_text(const void *result)
{
    const autoencoder_result *r = result;
    const char *separator = "";
    size_t before = 0;
    printf("%s: auto-encoder of %s to", r->autoencoder, r->made.compressed_of);
    for (size_t l = 0; l < r->made.layers; l++) {
        const size_t now = r->made.compressed_heads[l];
        if (now > 0 && now != before) {
            printf("%s %zu", separator, now);
            separator = ",";
        }
        before = now;
    }
    puts(" heads");
}

/* The auto-encoder that a file has. */
static int export_alone(const cli_command *command, const cli_common *common, const char *path,
                        const char *folder)
{
    if (common->json || common->csv)
        return cli_usage(command, "--json and --csv belong to --data");
    if (vc_model_export_autoencoder(folder, path) != VC_OK)
        return cli_fail();
    printf("%s: the auto-encoder of %s\n", folder, path);
    return CLI_OK;
}

static int run_autoencoder(const cli_command *command, int argc, char **argv)
{
    cli_autoencoder_options o = {.data = cli_data_options_default("train")};
    const char *of = NULL, *exported = NULL;
    o.data.batch = 8;
    o.data.limit = 1000;
    const cli_option options[] = {
        CLI_DATA_OPTIONS(o.data),
        {"output", "FILE", "safetensors with encoders and decoders", CLI_STREAM, &o.output,
         .form = &cli_form_autoencoder},
        CLI_ARCH_OPTION(o.model),
        CLI_MODEL_OPTIONS(o.model),
        CLI_INPUT_OPTIONS(o.model),
        {"compressed", "N", "heads after compression (default: ViTCoD's, half rounded up)",
         CLI_COUNT, &o.compressed},
        {"of", "qk|q|k", "what is compressed (default qk)", CLI_TEXT, &of},
        {"export", "DIR",
         "also as npy, an array for each weight and bias of a block; without --data that of MODEL, "
         "or of an auto-encoder's file",
         CLI_TEXT, &exported},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (o.data.paths.count == 0 && exported && !o.output && arguments.count == 1)
        return export_alone(command, &common, arguments.positional[0], exported);
    if (o.data.paths.count == 0)
        return cli_usage(command, "--data PATH is missing");
    if (o.output && exported && cli_is_stream(o.output))
        return cli_usage(command, "--export wants the name of a file for -o");
    if (!o.output)
        return cli_usage(command, "-o FILE is missing");
    status = cli_take_model(command, &o.model, &arguments, &common);
    if (status == CLI_CONTINUE)
        status = cli_take_coded(&o.coded, command, of);
    o.data.seed = common.seed;
    if (status == CLI_CONTINUE)
        status = cli_check_some(command, &o.data.limit, o.data.sample, 1000);
    if (status == CLI_CONTINUE)
        status = cli_check_data_options(command, &o.data);
    if (status != CLI_CONTINUE)
        return status;
    autoencoder_result result = {.autoencoder = o.output};
    vc_status done = cli_make_autoencoder(&result.made, &o);
    if (done == VC_OK && exported)
        done = vc_model_export_autoencoder(exported, o.output);
    status = cli_end(command, &common, done, &result, print_text);
    status = cli_judge_images(status, &result.made.seen, o.data.skip_broken);
    cli_autoencoder_free(&result.made);
    return status;
}

const cli_command cmd_autoencoder = {
    "autoencoder",
    "set up the auto-encoder of Q, K or both",
    "MODEL --data PATH -o FILE [options]|FILE --export DIR",
    "Sets up ViTCoD's auto-encoder over the heads of Q and K, or of one of them, with the best "
    "affine approximation of the given rank: the leading eigenvectors of the heads' covariance "
    "over images (by default the first 1000, which need no labels). A good start for finetuning: "
    "vitcod train --init MODEL --autoencoder FILE. --autoencoder takes the folder of --export too: "
    "blocks.0.attn.encoder_q.weight.npy (compressed, heads), .bias.npy (compressed), decoder_q the "
    "other way round, the same of k.",
    run_autoencoder,
    &result_record,
    "vitcod autoencoder deit_tiny.safetensors --data photos -o coder.safetensors\n"
    "vitcod autoencoder coder.safetensors --export coder"};
