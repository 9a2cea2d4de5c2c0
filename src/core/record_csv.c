/* Structs as CSV: numbers with as many digits as JSON has. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "record_impl.h"

enum { NAME = 256 };

/* "before.name"; NULL is the name of a value that stands for its struct. */
static void join(char out[NAME], const char *before, const char *name)
{
    snprintf(out, NAME, "%.127s%s%.127s", before, before[0] && name ? "." : "", name ? name : "");
}

/* Words in quotes where CSV wants them. */
static void write_quoted(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static bool is_plain(const vc_field *field)
{
    return field->shape == VC_SHAPE_ONE && field->kind != VC_KIND_RECORD &&
           field->kind != VC_KIND_JSON;
}

static bool is_list(const vc_field *field)
{
    return field->shape == VC_SHAPE_LIST || field->shape == VC_SHAPE_NAMED;
}

static void write_value(FILE *out, const vc_field *field, const void *at)
{
    switch (field->kind) {
    case VC_KIND_COUNT:
        fprintf(out, "%llu", (unsigned long long)vc__record_count(field, at));
        break;
    case VC_KIND_INTEGER:
        fprintf(out, "%lld", (long long)vc__record_integer(field, at));
        break;
    case VC_KIND_NUMBER:
        fprintf(out, "%.10g", vc__record_number(field, at));
        break;
    case VC_KIND_FLAG:
        fputs(*(const bool *)at ? "true" : "false", out);
        break;
    default:
        write_quoted(out, vc__record_text(field, at));
    }
}

/* ---- one line per value */

static void write_line(FILE *out, const char *name, const vc_field *field, const void *at)
{
    write_quoted(out, name);
    fputc(',', out);
    write_value(out, field, at);
    fputc(',', out);
    write_quoted(out, field->unit);
    fputc('\n', out);
}

static void write_words(FILE *out, const char *name, const vc_field *field, const void *data)
{
    const vc__items items = vc__record_items(field, data);
    for (size_t i = 0; i < items.count; i++) {
        char path[NAME];
        const unsigned char *at = items.first + i * field->size;
        join(path, name, field->words[i]);
        if (!field->skip_zeros || !vc__record_is_zero(field, at))
            write_line(out, path, field, at);
    }
}

/* What JSON says is without a unit; its lists are left out. */
static void write_json(FILE *out, const char *name, const json_t *value)
{
    const char *key;
    json_t *member;
    if (json_is_object(value)) {
        json_object_foreach ((json_t *)value, key, member) {
            char path[NAME];
            join(path, name, key);
            write_json(out, path, member);
        }
        return;
    }
    if (json_is_array(value) || json_is_null(value) || !value)
        return;
    write_quoted(out, name);
    fputc(',', out);
    if (json_is_string(value))
        write_quoted(out, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        fprintf(out, "%.10g", json_real_value(value));
    else
        fputs(json_is_true(value) ? "true" : "false", out);
    fputs(",\n", out);
}

static void write_values(FILE *out, const vc_record *record, const void *data, const char *before)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        const unsigned char *at = (const unsigned char *)data + field->offset;
        char path[NAME];
        if (!vc__record_present(field, data) || is_list(field))
            continue;
        join(path, before, field->name);
        if (is_plain(field))
            write_line(out, path, field, at);
        else if (field->shape == VC_SHAPE_BY_WORD)
            write_words(out, path, field, data);
        else if (field->kind == VC_KIND_JSON)
            write_json(out, field->shape == VC_SHAPE_INLINE ? before : path, *(json_t *const *)at);
        else
            write_values(out, field->record, at, field->shape == VC_SHAPE_INLINE ? before : path);
    }
}

void vc_record_csv_values(FILE *out, const vc_record *record, const void *data)
{
    write_values(out, record, data, "");
}

/* ---- lists as tables */

static void end_cell(FILE *out, bool *first)
{
    if (!*first)
        fputc(',', out);
    *first = false;
}

static void write_title(FILE *out, const char *name, const vc_field *field, bool *first)
{
    char text[NAME + 32];
    snprintf(text, sizeof text, field->unit[0] ? "%s (%.24s)" : "%s", name, field->unit);
    end_cell(out, first);
    write_quoted(out, text);
}

static void write_header(FILE *out, const vc_record *record, const char *before, bool *first)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        char name[NAME], word[NAME];
        join(name, before, field->name ? field->name : "value");
        if (is_plain(field))
            write_title(out, name, field, first);
        for (size_t w = 0; field->shape == VC_SHAPE_BY_WORD && field->words[w]; w++) {
            join(word, name, field->words[w]);
            write_title(out, word, field, first);
        }
        if (field->kind == VC_KIND_RECORD && !is_list(field))
            write_header(out, field->record, field->shape == VC_SHAPE_INLINE ? before : name,
                         first);
    }
}

/* `data`: NULL where the whole struct is absent. */
static void write_row(FILE *out, const vc_record *record, const void *data, bool *first)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        const bool there = data && vc__record_present(field, data);
        const unsigned char *at = there ? (const unsigned char *)data + field->offset : NULL;
        const bool by_word = field->shape == VC_SHAPE_BY_WORD;
        for (size_t w = 0; by_word ? field->words[w] != NULL : w < is_plain(field); w++) {
            end_cell(out, first);
            if (there)
                write_value(out, field, at + w * field->size);
        }
        if (field->kind == VC_KIND_RECORD && !is_list(field))
            write_row(out, field->record, at, first);
    }
}

static void write_items(FILE *out, const vc_field *field, const void *data)
{
    const vc__items items = vc__record_items(field, data);
    bool first = true;
    for (size_t i = 0; i < items.count; i++) {
        end_cell(out, &first);
        write_value(out, field, items.first + i * field->size);
    }
    fputc('\n', out);
}

/* A list of numbers is one row, a list of lists a row for each: they have no header. */
static void write_table(FILE *out, const char *name, const vc_field *field, const void *data)
{
    const vc__items items = vc__record_items(field, data);
    const bool bare = field->kind == VC_KIND_RECORD && vc__record_is_bare(field->record, 0);
    bool first = true;
    fputc('\n', out);
    write_quoted(out, name);
    fputc('\n', out);
    if (field->kind != VC_KIND_RECORD) {
        write_items(out, field, data);
        return;
    }
    if (!bare) {
        write_header(out, field->record, "", &first);
        fputc('\n', out);
    }
    for (size_t i = 0; i < items.count; i++) {
        const unsigned char *item = items.first + i * field->size;
        first = true;
        if (bare && is_list(&field->record->fields[0])) {
            write_items(out, &field->record->fields[0], item);
            continue;
        }
        write_row(out, field->record, item, &first);
        fputc('\n', out);
    }
}

static void write_tables(FILE *out, const vc_record *record, const void *data, const char *before)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        char path[NAME];
        if (!vc__record_present(field, data))
            continue;
        join(path, before, field->name);
        if (is_list(field) && field->kind != VC_KIND_JSON &&
            vc__record_items(field, data).count > 0)
            write_table(out, path, field, data);
        else if (field->kind == VC_KIND_RECORD && !is_list(field))
            write_tables(out, field->record, (const unsigned char *)data + field->offset,
                         field->shape == VC_SHAPE_INLINE ? before : path);
    }
}

void vc_record_csv_tables(FILE *out, const vc_record *record, const void *data)
{
    write_tables(out, record, data, "");
}
