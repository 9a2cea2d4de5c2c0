/* Text that is shown: names of files, classes and tensors come from outside, and what a terminal
 * would obey must not reach one. */
#ifndef VITCOD_PRINTABLE_H
#define VITCOD_PRINTABLE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a text is that comes in pieces; zeros at its beginning. */
typedef struct vc_printable {
    unsigned char last;
    int left; /* bytes that a character of UTF-8 still wants */
} vc_printable;

/* Puts a '?' in the place of each control character: those of ASCII but for the letters in `kept`,
 * and those from U+0080 to U+009F, in UTF-8 and as single bytes. The length stays. */
void vc_printable_make(vc_printable *at, char *text, size_t bytes, const char *kept);

#ifdef __cplusplus
}
#endif

#endif
