/* What the commands that let a model learn have in common. */
#ifndef VC_CLI_LEARNING_H
#define VC_CLI_LEARNING_H

#include "cli.h"
#include "vitcod/model.h"

/* CLI_CONTINUE for a share, or a number, of images to judge by. */
int cli_check_hold_back(const cli_command *command, double hold_back);

/* The same of several sources: one value for all, or one for each of them. */
int cli_take_hold_back(const cli_command *command, double *held, size_t sources, const char *text);

/* CLI_CONTINUE for what can be followed; minutes: NAN where nobody asked. */
int cli_check_learning(const cli_command *command, const char *rule, double minutes);
int cli_check_rule(const cli_command *command, const char *rule);

/* What --rule may be, from 0 until NULL. */
const char *cli_learning_rule_name(size_t index);

enum { CLI_MOST_STAGES = 7, CLI_PATH = 4096 };

/* --gradual "0.6,0.75", or NULL: sparsities on the way to `sparsity`. */
int cli_take_stages(const cli_command *command, double stages[CLI_MOST_STAGES], size_t *count,
                    const char *text, double sparsity);

/* --memory fast|less|least. */
vc_keep cli_activations(const char *memory);

/* Between two writings of what has been measured of heads. */
enum { CLI_KEEP_SECONDS = 20 };

/* Where a run goes on from that was told no other place: OUTPUT.checkpoint. */
vc_status cli_own_checkpoint(char out[CLI_PATH], const char *output);

#endif
