/* What a command says of itself. */
#ifndef VC_CLI_HELP_H
#define VC_CLI_HELP_H

#include <stdio.h>

#include "cli.h"

/* What options are set to before anything is parsed, as help shows it. */
typedef struct cli_defaults {
    char texts[CLI_MOST_OPTIONS][24]; /* empty: nothing to be told */
} cli_defaults;

cli_defaults cli_defaults_of(const cli_option *options, size_t count);

/* At most 80 columns wide. */
void cli_print_help(FILE *out, const cli_command *command, const cli_option *options, size_t count,
                    const cli_defaults *defaults);

/* The same and the fields of the result, one in a line, for programs: what tools/pages makes
 * completions and manual pages of. Values are separated by tabs. */
void cli_print_table(FILE *out, const cli_command *command, const cli_option *options, size_t count,
                     const cli_defaults *defaults);

/* The word that was meant by `word` among those that `name_of` gives, from 0 until NULL; NULL where
 * none is like it. */
const char *cli_nearest(const char *word, const char *(*name_of)(const void *, size_t),
                        const void *context);

#endif
