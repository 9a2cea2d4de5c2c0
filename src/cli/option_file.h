/* Options from a YAML file, for commands that have many. */
#ifndef VC_OPTION_FILE_H
#define VC_OPTION_FILE_H

#include "cli.h"

/* Where the arguments have --config FILE, sets the options that the file names, without their
 * dashes: what stands on the command line comes later and counts more, but a flag cannot be
 * taken back. Not the options that all commands have. CLI_CONTINUE, or the exit status after a
 * message. */
int cli_read_option_file(const cli_option *options, size_t count, int argc, char **argv);

#endif
