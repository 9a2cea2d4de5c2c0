/* What the value of an option may be. In the table a value is its words and what else it may be,
 * with | between: "fp32|bf16" is one of these words, "FILE|none" any file or this word. */
#ifndef VC_CLI_WORDS_H
#define VC_CLI_WORDS_H

#include "cli.h"

/* CLI_CONTINUE unless an option that takes nothing but words was set to something else. */
int cli_check_words(const cli_command *command, const cli_option *options, size_t count);

/* Words of further tables, from 0 until NULL. */
const char *cli_chip_name(size_t index);
const char *cli_memory_name(size_t index);

#endif
