/* Several values in one text, separated by commas, as an option takes them. */
#ifndef VITCOD_COMMA_LISTS_H
#define VITCOD_COMMA_LISTS_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_MOST_COMMA_ITEMS = 32 };

typedef struct vc_comma_names {
    char text[1024]; /* cut at its commas */
    const char *names[VC_MOST_COMMA_ITEMS];
    size_t count;
} vc_comma_names;

/* Adds the names to those that are there. VC_EINVAL, naming the option, for too many or an empty
 * one. `out` must not move, since its names point into its text. */
vc_status vc_comma_names_add(vc_comma_names *out, const char *option, const char *text);

typedef struct vc_comma_numbers {
    double values[VC_MOST_COMMA_ITEMS];
    size_t count;
} vc_comma_numbers;

/* The same for numbers from `least` to `most`. */
vc_status vc_comma_numbers_add(vc_comma_numbers *out, const char *option, const char *text,
                               double least, double most);

#ifdef __cplusplus
}
#endif

#endif
