#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

static void letter(FILE *out, char c)
{
    switch (c) {
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '&':
        fputs("&amp;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    case '\'':
        fputs("&#39;", out);
        break;
    default:
        /* HTML does not allow most control characters: a replacement character is shown */
        if ((unsigned char)c < ' ' && c != '\n' && c != '\t')
            fputs("\xef\xbf\xbd", out);
        else
            putc(c, out);
    }
}

void vc__html(FILE *out, const char *text)
{
    for (; *text; text++)
        letter(out, *text);
}

static int is_inside_letter(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void vc__html_clipped(FILE *out, const char *text, size_t letters)
{
    size_t all = 0, shown = 0;
    for (const char *at = text; *at; at++)
        all += !is_inside_letter(*at);
    for (; *text; text++) {
        shown += !is_inside_letter(*text);
        if (all > letters && shown >= letters)
            break;
        letter(out, *text);
    }
    if (*text)
        fputs("…", out);
}

vc_status vc__html_script(FILE *out, const json_t *value)
{
    char *text = vc_json_dump(value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
                                         JSON_REAL_PRECISION(7));
    if (!text)
        return vc_fail(VC_ENOMEM, "out of memory for what the page draws");
    for (const char *at = text; *at; at++)
        if (*at == '<' || *at == '>' || *at == '&')
            fprintf(out, "\\u%04x", (unsigned)*at);
        else
            putc(*at, out);
    free(text);
    return VC_OK;
}

static const char *with_commas(char text[VC__NUMBER], double value)
{
    char digits[VC__NUMBER];
    size_t used = 0;
    const size_t length = (size_t)snprintf(digits, sizeof digits, "%.0f", fabs(value));
    if (value < 0.0)
        text[used++] = '-';
    for (size_t i = 0; i < length && used + 2 < VC__NUMBER; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *vc__number(char text[VC__NUMBER], double value)
{
    const double size = fabs(value);
    if (!isfinite(value))
        snprintf(text, VC__NUMBER, "%s", isnan(value) ? "none" : value > 0 ? "∞" : "-∞");
    else if (size >= 1e12 || (size > 0.0 && size < 1e-4))
        snprintf(text, VC__NUMBER, "%.3g", value);
    else if (value == floor(value) || size >= 1000.0)
        return with_commas(text, value);
    else
        snprintf(text, VC__NUMBER, size >= 100.0 ? "%.1f" : "%.3g", value);
    return text;
}

const json_t *vc__at(const json_t *object, const char *path)
{
    while (object && *path) {
        char name[96];
        const size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        object = json_object_get(object, name);
        path += length + (path[length] == '.');
    }
    return object;
}

const char *vc__text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double vc__number_at(const json_t *object, const char *path)
{
    const json_t *value = vc__at(object, path);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}
