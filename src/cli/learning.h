/* What the commands that let a model learn from its dense self are asked for in the same words. */
#ifndef VC_CLI_LEARNING_H
#define VC_CLI_LEARNING_H

#include "cli.h"

/* CLI_CONTINUE for what can be followed; minutes: NAN where nobody asked. */
int cli_check_learning(const cli_command *command, const char *rule, const char *residual,
                       double hold_back, double minutes);

enum { CLI_MOST_STAGES = 7 };

/* --gradual "0.6,0.75", or NULL: sparsities on the way to `sparsity`. */
int cli_take_stages(const cli_command *command, double stages[CLI_MOST_STAGES], size_t *count,
                    const char *text, double sparsity);

#endif
