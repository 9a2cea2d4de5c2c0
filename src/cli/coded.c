#include "coded.h"

#include <string.h>

static const char *const words[] = {"", "q", "k", "qk"}; /* by vc_coded */

int cli_is_coded(const char *word)
{
    for (int of = VC_CODED_Q; of <= VC_CODED_QK; of++)
        if (strcmp(word, words[of]) == 0)
            return 1;
    return 0;
}

int cli_take_coded(vc_coded *out, const cli_command *command, const char *word)
{
    for (int of = VC_CODED_QK; of >= VC_CODED_Q; of--)
        if (!word || strcmp(word, words[of]) == 0) {
            *out = (vc_coded)of;
            return CLI_CONTINUE;
        }
    return cli_usage(command, "--of is '%s', wanted qk, q or k", word);
}

const char *cli_coded_word(const size_t compressed[2])
{
    return words[(compressed[0] ? VC_CODED_Q : 0) + (compressed[1] ? VC_CODED_K : 0)];
}

size_t cli_coded_width(const size_t compressed[2])
{
    return compressed[0] ? compressed[0] : compressed[1];
}
