/* Structs as lines of text and as rows of CSV: numbers with as many digits as JSON has. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "record_impl.h"

/* Number, flag or text; words in quotes where CSV wants them. */
static bool is_plain(const vc_field *field)
{
    return field->shape == VC_SHAPE_ONE && field->kind != VC_KIND_RECORD &&
           field->kind != VC_KIND_JSON;
}

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

static void write_value(FILE *out, const vc_field *field, const void *at, bool quoted)
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
        if (quoted)
            write_quoted(out, vc__record_text(field, at));
        else
            fputs(vc__record_text(field, at), out);
    }
}

/* ---- text */

void vc_record_print(FILE *out, const vc_record *record, const void *data)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        const unsigned char *at = (const unsigned char *)data + field->offset;
        if (!vc__record_present(field, data))
            continue;
        if (field->kind == VC_KIND_RECORD &&
            (field->shape == VC_SHAPE_ONE || field->shape == VC_SHAPE_INLINE))
            vc_record_print(out, field->record, at);
        if (!is_plain(field))
            continue;
        fprintf(out, "  %-18s ", field->name);
        write_value(out, field, at, false);
        fprintf(out, "%s%s\n", field->unit[0] ? " " : "", field->unit);
    }
}

/* ---- CSV */

static void end_cell(FILE *out, bool *first)
{
    if (!*first)
        fputc(',', out);
    *first = false;
}

static void write_header(FILE *out, const vc_record *record, const char *before, bool *first)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        char name[160];
        snprintf(name, sizeof name, "%s%s", before, field->name ? field->name : "");
        if (field->kind == VC_KIND_RECORD && field->shape == VC_SHAPE_INLINE)
            write_header(out, field->record, before, first);
        if (field->kind == VC_KIND_RECORD && field->shape == VC_SHAPE_ONE) {
            strncat(name, ".", sizeof name - strlen(name) - 1);
            write_header(out, field->record, name, first);
        }
        if (!is_plain(field))
            continue;
        end_cell(out, first);
        if (field->unit[0]) {
            const size_t used = strlen(name);
            snprintf(name + used, sizeof name - used, " (%s)", field->unit);
        }
        write_quoted(out, name);
    }
}

void vc_record_csv_header(FILE *out, const vc_record *record)
{
    bool first = true;
    write_header(out, record, "", &first);
    fputc('\n', out);
}

/* `data`: NULL where the whole struct is absent. */
static void write_row(FILE *out, const vc_record *record, const void *data, bool *first)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        const bool there = data && vc__record_present(field, data);
        const unsigned char *at = there ? (const unsigned char *)data + field->offset : NULL;
        if (field->kind == VC_KIND_RECORD &&
            (field->shape == VC_SHAPE_ONE || field->shape == VC_SHAPE_INLINE))
            write_row(out, field->record, at, first);
        if (!is_plain(field))
            continue;
        end_cell(out, first);
        if (at)
            write_value(out, field, at, true);
    }
}

void vc_record_csv_row(FILE *out, const vc_record *record, const void *data)
{
    bool first = true;
    write_row(out, record, data, &first);
    fputc('\n', out);
}
