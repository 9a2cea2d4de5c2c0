#include "vitcod/shell_words.h"

#include <stdio.h>
#include <string.h>

/* Adds a piece; a line that does not fit ends in dots. */
static void append_piece(char *line, size_t room, const char *piece)
{
    static const char dots[] = "...";
    const size_t used = strlen(line), left = room - used;
    if ((size_t)snprintf(line + used, left, "%s", piece) >= left)
        memcpy(line + room - sizeof dots, dots, sizeof dots);
}

static void append_quoted(char *line, size_t room, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        append_piece(line, room, text);
        return;
    }
    append_piece(line, room, "'");
    for (const char *at = text; *at; at++) {
        const char one[2] = {*at, '\0'};
        append_piece(line, room, *at == '\'' ? "'\\''" : one);
    }
    append_piece(line, room, "'");
}

void vc_shell_add_word(char *line, size_t room, const char *text)
{
    if (line[0])
        append_piece(line, room, " ");
    append_quoted(line, room, text);
}

static void put(char *word, size_t room, size_t *used, char c)
{
    if (*used + 1 < room)
        word[(*used)++] = c;
}

const char *vc_shell_take_word(char *word, size_t room, const char *line)
{
    size_t used = 0;
    int quoted = 0;
    line += strspn(line, " ");
    if (!*line)
        return NULL;
    for (; *line && (quoted || *line != ' '); line++)
        if (*line == '\'')
            quoted = !quoted;
        else if (!quoted && *line == '\\' && line[1])
            put(word, room, &used, *++line);
        else
            put(word, room, &used, *line);
    word[used] = '\0';
    return line;
}
