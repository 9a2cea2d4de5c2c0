/* Which images a result is about. Accuracies on different images are not drawn in one figure. */
#include <math.h>
#include <string.h>

#include "report_impl.h"
#include "vitcod/shell_words.h"

enum { MOST_WORD = 4096 };

/* Adds the last part of a path. */
static void add_part(char text[VC__LABEL], char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    const char *slash = strrchr(path, '/');
    const size_t used = strlen(text);
    snprintf(text + used, VC__LABEL - used, "%s%.60s", used ? " + " : "",
             slash && slash[1] ? slash + 1 : path);
}

/* The value of an option is behind it, or behind an equals sign. */
static const char *value_of(char *word, const char *line, const char *option)
{
    const size_t length = strlen(option);
    if (strncmp(word, option, length) != 0)
        return NULL;
    if (word[length] == '=') {
        memmove(word, word + length + 1, strlen(word + length + 1) + 1);
        return line;
    }
    return word[length] == '\0' ? vc_shell_take_word(word, MOST_WORD, line) : NULL;
}

static void add_data(char text[VC__LABEL], const char *line)
{
    char word[MOST_WORD];
    while ((line = vc_shell_take_word(word, sizeof word, line))) {
        const char *rest = value_of(word, line, "--data");
        if (rest)
            add_part(text, word);
        else if ((rest = value_of(word, line, "--split")))
            add_part(text, word);
        line = rest ? rest : line;
    }
}

void vc__data_name(char text[VC__LABEL], const json_t *result)
{
    char number[VC__NUMBER];
    const char *verb = vc__text_at(result, "verb");
    const int is_eval = strcmp(verb, "eval") == 0,
              holds_back = strcmp(verb, "calibrate") == 0 || strcmp(verb, "codesign") == 0;
    const double images = is_eval      ? vc__number_at(result, "images")
                          : holds_back ? vc__number_at(result, "held_back")
                                       : (double)NAN;
    text[0] = '\0';
    add_data(text, vc__text_at(result, "command"));
    const size_t used = strlen(text);
    if (used && isfinite(images) && used + 40 < VC__LABEL)
        snprintf(text + used, VC__LABEL - used, ", %s images%s", vc__number(number, images),
                 holds_back ? " held back" : "");
}

static int is_new(const vc__book *book, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(book->results[i].data, book->results[index].data) == 0)
            return 0;
    return 1;
}

vc_status vc__each_data(FILE *out, vc__book *book,
                        vc_status (*draw)(FILE *out, vc__book *book, const char *data))
{
    for (size_t i = 0; i < book->result_count; i++)
        if (is_new(book, i))
            VC_TRY(draw(out, book, book->results[i].data));
    return VC_OK;
}

void vc__data_title(char text[VC__TITLE], const char *title, const char *data)
{
    snprintf(text, VC__TITLE, "%.150s%s%.150s", title, data[0] ? ", " : "", data);
}
