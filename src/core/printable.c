#include "vitcod/printable.h"

#include <string.h>

/* How many bytes follow the first one of a character. */
static int bytes_after(unsigned char first)
{
    return first >= 0xc2 && first <= 0xdf   ? 1
           : first >= 0xe0 && first <= 0xef ? 2
           : first >= 0xf0 && first <= 0xf4 ? 3
                                            : 0;
}

void vc_printable_make(vc_printable *at, char *text, size_t bytes, const char *kept)
{
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        const int goes_on = at->left > 0 && c >= 0x80 && c <= 0xbf;
        int obeyed = (c < ' ' && (c == '\0' || !strchr(kept, c))) || c == 127;
        if (c >= 0x80 && c <= 0x9f)
            obeyed = !goes_on || at->last == 0xc2;
        at->left = goes_on ? at->left - 1 : bytes_after(c);
        at->last = c;
        if (obeyed)
            text[i] = '?';
    }
}
