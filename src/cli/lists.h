/* Options that take several values, separated by commas. */
#ifndef VC_LISTS_H
#define VC_LISTS_H

#include <stddef.h>

#include "vitcod/status.h"

enum { CLI_MOST_LIST = 32 };

typedef struct cli_names {
    char text[1024]; /* cut at its commas */
    const char *names[CLI_MOST_LIST];
    size_t count;
} cli_names;

/* VC_EINVAL, naming the option, for too many or an empty one. Adds to what is there. */
vc_status cli_split_names(cli_names *out, const char *option, const char *text);

typedef struct cli_numbers {
    double values[CLI_MOST_LIST];
    size_t count;
} cli_numbers;

/* Numbers from `least` to `most`. */
vc_status cli_split_numbers(cli_numbers *out, const char *option, const char *text, double least,
                            double most);

#endif
