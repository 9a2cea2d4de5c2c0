/* Command lines as a shell reads them back. */
#ifndef VITCOD_SHELL_WORDS_H
#define VITCOD_SHELL_WORDS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Adds a word to a line of at most `room` bytes, behind a space unless the line is empty. A word
 * is quoted where a character might mean something to the shell; a line that is too long ends in
 * dots. */
void vc_shell_add_word(char *line, size_t room, const char *text);

/* Takes the next word off a line that was made so, without its quotes; of a word that is too long
 * its beginning. The rest of the line, or NULL where there is no word. */
const char *vc_shell_take_word(char *word, size_t room, const char *line);

#ifdef __cplusplus
}
#endif

#endif
