/* How each number was made: the command, the version, and all numbers that the verb gave. */
#include <string.h>

#include "report_impl.h"
#include "vitcod/shell_words.h"

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

static int names_file(const char *command, const char *file)
{
    char word[4 * MOST_NAME];
    while ((command = vc_shell_take_word(word, sizeof word, command))) {
        const char *slash = strrchr(word, '/');
        if (strcmp(slash ? slash + 1 : word, file) == 0)
            return 1;
    }
    return 0;
}

/* The command of another result of the run that names a file, such as `calibrate --curves FILE`. */
static const char *command_for(const vc__book *book, const vc__result *of)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const char *command = vc__text_at(book->results[i].json, "command");
        if (book->results[i].run == of->run && names_file(command, of->file))
            return command;
    }
    return NULL;
}

static void put_command(FILE *out, const char *command)
{
    if (command) {
        fputs("<pre class=\"command\" tabindex=\"0\"><code>", out);
        vc__html(out, command);
        fputs("</code></pre>\n", out);
    } else
        fputs("<p class=\"none\">The file does not name the command that wrote it.</p>\n", out);
}

static void put_result(FILE *out, const vc__book *book, const vc__result *r)
{
    const char *command = json_string_value(json_object_get(r->json, "command"));
    fputs("<article class=\"made\"><h4>", out);
    vc__html(out, r->file);
    fputs("</h4>\n", out);
    put_command(out, command ? command : command_for(book, r));
    fputs("<p class=\"with\">", out);
    put_word(out, "vitcod", json_object_get(r->json, "version"));
    put_word(out, "on", json_object_get(r->json, "cpu"));
    put_word(out, "at", json_object_get(r->json, "date"));
    put_word(out, "instructions", json_object_get(r->json, "isa"));
    put_word(out, "threads", json_object_get(r->json, "threads"));
    put_word(out, "seed", json_object_get(r->json, "seed"));
    put_word(out, "model", json_object_get(r->json, "model_hash"));
    put_word(out, "in", json_object_get(r->json, "dtype"));
    fputs(
        "</p>\n<details><summary>All numbers</summary><div class=\"scroll\" tabindex=\"0\"><table>"
        "<tbody>\n",
        out);
    put_rows(out, r->json, "", 0);
    fputs("</tbody></table></div></details></article>\n", out);
}

/* The line of a file of points that tells which space they are of, or NULL. */
static const json_t *header_of(const vc__result *log)
{
    const json_t *line = json_array_get(log->json, 0);
    return json_object_get(line, "sweep_hash") ? line : NULL;
}

/* The command of a sweep as the first line of its file tells it. */
static void command_of_header(char line[4 * MOST_NAME], const vc__result *log)
{
    char seed[VC__NUMBER];
    const json_t *header = header_of(log);
    const size_t room = 4 * MOST_NAME;
    snprintf(seed, sizeof seed, "%.0f", vc__number_at(header, "seed"));
    snprintf(line, room, "vitcod sweep");
    vc_shell_add_word(line, room, vc__text_at(header, "space"));
    vc_shell_add_word(line, room, "--seed");
    vc_shell_add_word(line, room, seed);
    vc_shell_add_word(line, room, "-o");
    vc_shell_add_word(line, room, log->file);
}

static void put_log(FILE *out, const vc__book *book, const vc__result *log)
{
    char line[4 * MOST_NAME];
    const json_t *header = header_of(log);
    const char *command = command_for(book, log);
    fputs("<article class=\"made\"><h4>", out);
    vc__html(out, log->file);
    fputs("</h4>\n", out);
    if (header && vc__text_at(header, "command")[0]) {
        command = vc__text_at(header, "command");
    } else if (header && !command) {
        command_of_header(line, log);
        command = line;
    }
    put_command(out, command);
    fprintf(out, "<p class=\"with\"><span>lines %zu</span> ", json_array_size(log->json));
    put_word(out, "vitcod", json_object_get(header, "version"));
    put_word(out, "points", json_object_get(header, "points"));
    fputs("</p>\n", out);
    if (header) {
        fputs("<details><summary>What its first line says</summary><div class=\"scroll\" "
              "tabindex=\"0\"><table><tbody>\n",
              out);
        put_rows(out, header, "", 0);
        fputs("</tbody></table></div></details>", out);
    }
    fputs("</article>\n", out);
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
                put_result(out, book, &book->results[i]);
        for (size_t i = 0; i < book->log_count; i++)
            if (book->logs[i].run == r)
                put_log(out, book, &book->logs[i]);
    }
}
