/* Files that a command writes: what may be replaced, and `-` for standard input and output. */
#ifndef VC_CLI_WRITTEN_H
#define VC_CLI_WRITTEN_H

#include "cli.h"

/* Whether a file is what a verb writes there, and so may be replaced without --force. */
struct cli_form {
    const char *name;   /* "a mask" */
    unsigned kinds;     /* bits of vc_file_kind */
    const char *prefix; /* of its files, where it may be a folder of groups; or NULL */
    const char *ending; /* that its name usually has, without the dot; or NULL */
};

extern const cli_form cli_form_model, cli_form_plan, cli_form_autoencoder, cli_form_maps,
    cli_form_scores, cli_form_mask, cli_form_logits, cli_form_page, cli_form_trace,
    cli_form_requests, cli_form_commands, cli_form_gemms, cli_form_curves, cli_form_checkpoint,
    cli_form_log, cli_form_onnx, cli_form_vectors, cli_form_rtl_parameters;

int cli_form_is(const cli_form *form, const char *path);

/* Whether a path is `-`, standard input or output. */
int cli_is_stream(const char *path);

/* What is written must neither be what is read nor written twice (usage), nor, unless forced,
 * replace anything but its own form (CLI_FAILED). Sets common->streams where standard output is a
 * file that is written. */
int cli_check_written(const cli_command *command, const cli_option *options, size_t count,
                      const cli_arguments *arguments, cli_common *common);

/* Keeps standard input, where an argument or an option is `-`, in a file that the argument then
 * names. */
int cli_take_stdin(const cli_command *command, const cli_option *options, size_t count,
                   cli_arguments *arguments);

#endif
