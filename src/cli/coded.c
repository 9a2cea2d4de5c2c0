#include "coded.h"

#include <string.h>

int cli_is_coded(const char *word)
{
    for (int of = VC_CODED_Q; of <= VC_CODED_QK; of++)
        if (strcmp(word, vc_coded_word((vc_coded)of)) == 0)
            return 1;
    return 0;
}

int cli_take_coded(vc_coded *out, const cli_command *command, const char *word)
{
    for (int of = VC_CODED_QK; of >= VC_CODED_Q; of--)
        if (!word || strcmp(word, vc_coded_word((vc_coded)of)) == 0) {
            *out = (vc_coded)of;
            return CLI_CONTINUE;
        }
    return cli_usage(command, "--of is '%s', wanted qk, q or k", word);
}
