/* What results were made with, and when: a line under the title, another for runs that differ. */
#include <string.h>

#include "report_impl.h"

enum { MOST_TEXT = 512 };

static const char between[] = ", ";

/* Whether it is one of the texts, and not only a part of one, as 1 is of 16. */
static int is_there(const char *texts, const char *one)
{
    const size_t length = strlen(one), gap = strlen(between);
    for (const char *at = strstr(texts, one); at; at = strstr(at + 1, one)) {
        const size_t before = (size_t)(at - texts);
        const int begins = before == 0 || (before > gap && strncmp(at - gap, between, gap) == 0),
                  ends = !at[length] || strncmp(at + length, between, gap) == 0;
        if (begins && ends)
            return 1;
    }
    return 0;
}

/* Adds a text that is not there yet. */
static void add_once(char text[MOST_TEXT], const char *more)
{
    const size_t used = strlen(text);
    if (more[0] && !is_there(text, more))
        snprintf(text + used, MOST_TEXT - used, "%s%s", used ? between : "", more);
}

static void collect(char text[MOST_TEXT], const vc__book *book, size_t run, const char *before,
                    const char *key, const char *after)
{
    char texts[MOST_TEXT] = "";
    for (size_t i = 0; i < book->result_count; i++) {
        char one[VC__LABEL] = "";
        const json_t *value = json_object_get(book->results[i].json, key);
        if (book->results[i].run != run)
            continue;
        if (json_is_string(value))
            snprintf(one, sizeof one, "%.150s", json_string_value(value));
        else if (json_is_integer(value))
            snprintf(one, sizeof one, "%lld", (long long)json_integer_value(value));
        add_once(texts, one);
    }
    const size_t used = strlen(text);
    if (texts[0])
        snprintf(text + used, MOST_TEXT - used, "%s%s%s%s", used ? " · " : "", before, texts,
                 after);
}

/* From the first to the last day. Dates begin with the day: 2026-11-29. */
static void add_days(char text[MOST_TEXT], const vc__book *book, size_t run)
{
    enum { DAY = 10 };
    const char *first = "", *last = "";
    for (size_t i = 0; i < book->result_count; i++) {
        const char *date = vc__text_at(book->results[i].json, "date");
        if (book->results[i].run != run || strlen(date) < DAY)
            continue;
        first = !first[0] || strcmp(date, first) < 0 ? date : first;
        last = strcmp(date, last) > 0 ? date : last;
    }
    const size_t used = strlen(text);
    if (first[0] && strncmp(first, last, DAY) == 0)
        snprintf(text + used, MOST_TEXT - used, " · %.10s", first);
    else if (first[0])
        snprintf(text + used, MOST_TEXT - used, " · %.10s to %.10s", first, last);
}

static void describe(char text[MOST_TEXT], const vc__book *book, size_t run)
{
    text[0] = '\0';
    collect(text, book, run, "", "cpu", "");
    collect(text, book, run, "vitcod ", "version", "");
    collect(text, book, run, "", "isa", "");
    collect(text, book, run, "threads: ", "threads", "");
    add_days(text, book, run);
}

/* Runs that were made alike share a line. */
void vc__made_with(FILE *out, const vc__book *book)
{
    char text[MOST_TEXT], before[MOST_TEXT] = "";
    for (size_t r = 0; r < book->report->run_count; r++) {
        describe(text, book, r);
        if (!text[0] || strcmp(text, before) == 0)
            continue;
        fputs("<p class=\"made-with\">", out);
        if (r > 0) {
            vc__html(out, book->report->runs[r].name);
            fputs(": ", out);
        }
        vc__html(out, text);
        fputs("</p>\n", out);
        memcpy(before, text, sizeof before);
    }
}
