/* The table of subcommands: one file and one line each. */
#ifndef VC_COMMANDS_H
#define VC_COMMANDS_H

#include "cli.h"
#include "written.h"

extern const cli_command cmd_import, cmd_classify, cmd_info, cmd_infer, cmd_eval, cmd_attention,
    cmd_prune, cmd_polarize, cmd_autoencoder, cmd_calibrate, cmd_train, cmd_codesign, cmd_quantize,
    cmd_export, cmd_bench, cmd_simulate, cmd_compare, cmd_sweep, cmd_profile, cmd_report,
    cmd_devices, cmd_cache;

static const cli_command *const cli_commands[] = {
    &cmd_import,   &cmd_classify, &cmd_info,        &cmd_infer,     &cmd_eval,    &cmd_attention,
    &cmd_prune,    &cmd_polarize, &cmd_autoencoder, &cmd_calibrate, &cmd_train,   &cmd_codesign,
    &cmd_quantize, &cmd_export,   &cmd_bench,       &cmd_simulate,  &cmd_compare, &cmd_sweep,
    &cmd_profile,  &cmd_report,   &cmd_devices,     &cmd_cache,     NULL,
};

#endif
