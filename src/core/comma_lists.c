#include "vitcod/comma_lists.h"

#include <stdlib.h>
#include <string.h>

vc_status vc_comma_names_add(vc_comma_names *out, const char *option, const char *text)
{
    const size_t used = out->count ? (size_t)(out->names[out->count - 1] - out->text) +
                                         strlen(out->names[out->count - 1]) + 1
                                   : 0,
                 length = strlen(text);
    if (used + length + 1 > sizeof out->text)
        return vc_fail(VC_EINVAL, "%s is longer than %zu characters", option, sizeof out->text);
    char *at = memcpy(out->text + used, text, length + 1);
    for (char *comma = at; comma; at = comma + 1) {
        comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        if (!*at)
            return vc_fail(VC_EINVAL, "%s is '%s', wanted names between commas", option, text);
        if (out->count == VC_MOST_COMMA_ITEMS)
            return vc_fail(VC_EINVAL, "%s has more than %d names", option, VC_MOST_COMMA_ITEMS);
        out->names[out->count++] = at;
    }
    return VC_OK;
}

vc_status vc_comma_numbers_add(vc_comma_numbers *out, const char *option, const char *text,
                               double least, double most)
{
    for (const char *at = text;;) {
        char *end;
        const double value = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !(value >= least && value <= most))
            return vc_fail(VC_EINVAL, "%s is '%s', wanted numbers from %g to %g between commas",
                           option, text, least, most);
        if (out->count == VC_MOST_COMMA_ITEMS)
            return vc_fail(VC_EINVAL, "%s has more than %d numbers", option, VC_MOST_COMMA_ITEMS);
        out->values[out->count++] = value;
        if (!*end)
            return VC_OK;
        at = end + 1;
    }
}
