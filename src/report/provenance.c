/* How each number was made: the command, the version, and all numbers that the verb gave. */
#include <string.h>

#include "report_impl.h"

enum { MOST_DEPTH = 6, MOST_LIST = 16, MOST_NAME = 512 };

static void put_scalar(FILE *out, const json_t *value)
{
    char text[VC__NUMBER];
    if (json_is_string(value))
        vc__html(out, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) {
        snprintf(text, sizeof text, "%.10g", json_real_value(value));
        fputs(text, out);
    } else
        fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "none", out);
}

static int is_flat(const json_t *list)
{
    size_t i;
    json_t *value;
    json_array_foreach ((json_t *)list, i, value)
        if (json_is_array(value) || json_is_object(value))
            return 0;
    return json_array_size(list) <= MOST_LIST;
}

static void put_list(FILE *out, const json_t *list)
{
    size_t i;
    json_t *value;
    if (!is_flat(list)) {
        fprintf(out, "%zu entries", json_array_size(list));
        return;
    }
    if (json_array_size(list) == 0)
        fputs("none", out);
    json_array_foreach ((json_t *)list, i, value) {
        fputs(i ? ", " : "", out);
        put_scalar(out, value);
    }
}

/* Writes a row for each value; members of objects are named by their path. */
static void put_rows(FILE *out, const json_t *object, const char *path, int depth)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        char name[MOST_NAME];
        snprintf(name, sizeof name, "%.400s%s%.100s", path, path[0] ? " › " : "", key);
        if (json_is_object(value) && depth < MOST_DEPTH) {
            put_rows(out, value, name, depth + 1);
            continue;
        }
        fputs("<tr><th scope=\"row\">", out);
        vc__html(out, name);
        fputs("</th><td>", out);
        if (json_is_array(value))
            put_list(out, value);
        else if (json_is_object(value))
            fprintf(out, "%zu values", json_object_size(value));
        else
            put_scalar(out, value);
        fputs("</td></tr>\n", out);
    }
}

static void put_word(FILE *out, const char *name, const json_t *value)
{
    if (!value)
        return;
    fprintf(out, "<span>%s ", name);
    put_scalar(out, value);
    fputs("</span> ", out);
}

static void put_result(FILE *out, const vc__result *r)
{
    const char *command = json_string_value(json_object_get(r->json, "command"));
    fputs("<article class=\"made\"><h4>", out);
    vc__html(out, r->file);
    fputs("</h4>\n", out);
    if (command) {
        fputs("<pre class=\"command\" tabindex=\"0\"><code>", out);
        vc__html(out, command);
        fputs("</code></pre>\n", out);
    } else
        fputs("<p class=\"none\">The file does not name the command that wrote it.</p>\n", out);
    fputs("<p class=\"with\">", out);
    put_word(out, "vitcod", json_object_get(r->json, "version"));
    put_word(out, "instructions", json_object_get(r->json, "isa"));
    put_word(out, "threads", json_object_get(r->json, "threads"));
    put_word(out, "seed", json_object_get(r->json, "seed"));
    fputs(
        "</p>\n<details><summary>All numbers</summary><div class=\"scroll\" tabindex=\"0\"><table>"
        "<tbody>\n",
        out);
    put_rows(out, r->json, "", 0);
    fputs("</tbody></table></div></details></article>\n", out);
}

static void put_sentences(FILE *out, const json_t *sentences)
{
    size_t i;
    json_t *sentence;
    json_array_foreach ((json_t *)sentences, i, sentence) {
        fputs("<li>", out);
        vc__html(out, json_string_value(sentence));
        fputs("</li>\n", out);
    }
}

static void put_notes(FILE *out, const json_t *found, const json_t *unread)
{
    if (json_array_size(found) + json_array_size(unread) == 0)
        return;
    fputs("<ul class=\"notes\">\n", out);
    put_sentences(out, found);
    put_sentences(out, unread);
    fputs("</ul>\n", out);
}

void vc__provenance(FILE *out, const vc__book *book)
{
    for (size_t r = 0; r < book->report->run_count; r++) {
        fputs("<h3>", out);
        vc__html(out, book->report->runs[r].name);
        fputs("</h3>\n", out);
        put_notes(out, book->report->runs[r].notes, json_array_get(book->unread, r));
        for (size_t i = 0; i < book->result_count; i++)
            if (book->results[i].run == r)
                put_result(out, &book->results[i]);
    }
}
