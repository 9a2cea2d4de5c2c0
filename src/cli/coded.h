/* Which of Q and K have an auto-encoder, in words: "qk", "q" or "k". */
#ifndef VC_CODED_H
#define VC_CODED_H

#include "cli.h"
#include "vitcod/model.h"

/* Whether it is one of the words. */
int cli_is_coded(const char *word);

/* CLI_CONTINUE for one of the words; NULL is "qk". */
int cli_take_coded(vc_coded *out, const cli_command *command, const char *word);

#endif
