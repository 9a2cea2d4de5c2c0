#include "vitcod/extent.h"

#include <stdio.h>
#include <stdlib.h>

/* Decimal digits; NULL: there are none, or the number is too large. */
static const char *read_side(size_t *out, const char *at)
{
    char *end;
    if (*at < '0' || *at > '9')
        return NULL;
    const unsigned long value = strtoul(at, &end, 10);
    *out = value;
    return value <= VC_EXTENT_MOST ? end : NULL;
}

vc_status vc_extent_parse(vc_extent *out, const char *text)
{
    vc_extent e = {0};
    const char *at = read_side(&e.height, text);
    const int oblong = at && *at == 'x';
    e.width = e.height;
    if (oblong)
        at = read_side(&e.width, at + 1);
    if (!at || *at || (oblong && (e.height == 0 || e.width == 0)))
        return vc_fail(VC_EINVAL,
                       "a size of '%s', wanted a side as 224, or height and width as 224x384",
                       text);
    *out = e;
    return VC_OK;
}

static const char *write(char text[VC_EXTENT_TEXT], vc_extent e, const char *between)
{
    if (vc_extent_is_square(e))
        snprintf(text, VC_EXTENT_TEXT, "%zu", e.height);
    else
        snprintf(text, VC_EXTENT_TEXT, "%zu%s%zu", e.height, between, e.width);
    return text;
}

const char *vc_extent_text(char text[VC_EXTENT_TEXT], vc_extent extent)
{
    return write(text, extent, "x");
}

const char *vc_extent_words(char text[VC_EXTENT_TEXT], vc_extent extent)
{
    return write(text, extent, " x ");
}
