#include "vitcod/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/file.h"

/* ---- noticing that jansson got no memory: it leaves out letters then, and goes on */

static json_malloc_t given;
static json_free_t release;
static _Thread_local int lacked;
static _Thread_local struct {
    void *memory;
    size_t bytes;
} reserve;

static void *noticing_malloc(size_t bytes)
{
    void *memory = given(bytes);
    if (memory || bytes == 0)
        return memory;
    lacked = 1;
    if (bytes <= reserve.bytes) {
        memory = reserve.memory;
        reserve.memory = NULL;
        reserve.bytes = 0;
    }
    return memory;
}

static void install(void)
{
    json_get_alloc_funcs(&given, &release);
    json_set_alloc_funcs(noticing_malloc, release);
}

static void begin_noticing(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    lacked = 0;
}

/* ---- texts */

typedef struct {
    const char *text;
    size_t bytes;
} left;

/* One letter, and none once memory was missing. */
static size_t give(void *buffer, size_t room, void *data)
{
    left *l = data;
    (void)room;
    if (lacked || l->bytes == 0)
        return 0;
    *(char *)buffer = *l->text++;
    l->bytes--;
    return 1;
}

/* jansson reads past the end of a token's buffer that could not grow. So a growth is never refused:
 * the first that finds no memory gets the reserve, and the text ends there. */
json_t *vc_json_parse(const char *text, size_t bytes, size_t flags, json_error_t *error)
{
    left l = {text, bytes};
    begin_noticing();
    reserve.bytes = 2 * bytes + 64; /* it doubles */
    reserve.memory = given(reserve.bytes);
    lacked = !reserve.memory;
    *error = (json_error_t){.line = -1, .column = -1}; /* as jansson begins */
    json_t *value = lacked ? NULL : json_load_callback(give, &l, flags, error);
    if (reserve.memory)
        release(reserve.memory);
    reserve.memory = NULL;
    reserve.bytes = 0;
    if (!lacked)
        return value;
    json_decref(value);
    snprintf(error->text, sizeof error->text, "out of memory");
    error->text[sizeof error->text - 1] = json_error_out_of_memory; /* where jansson keeps it */
    return NULL;
}

vc_status vc_json_status(const json_error_t *error)
{
    return json_error_code(error) == json_error_out_of_memory ? VC_ENOMEM : VC_EFORMAT;
}

/* The shortest text of a number that gives back the same value, a real one as it was. */
static size_t shorten(char text[32], double value)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
    return strlen(text);
}

/* Shortens the numbers of a JSON text in place. */
static void shorten_numbers(char *text)
{
    char *to = text;
    int in_string = 0;
    while (*text) {
        const size_t length = in_string ? 0 : strspn(text, "+-.0123456789eE");
        char number[32];
        if (length > 16 && memchr(text, '.', length)) {
            /* whole numbers of 15 digits and more are shorter as they are */
            size_t now = shorten(number, strtod(text, NULL));
            if (now < length)
                memcpy(to, number, now);
            else
                memmove(to, text, now = length);
            to += now;
            text += length;
            continue;
        }
        in_string ^= *text == '"';
        if (in_string && *text == '\\' && text[1])
            *to++ = *text++;
        *to++ = *text++;
    }
    *to = '\0';
}

/* Controls from U+0080 to U+009F, which terminals obey, as \u00XX. Frees the text if there is no
 * memory for that. */
static char *escape_controls(char *text)
{
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\xc2')) != NULL; at++)
        count += (unsigned char)at[1] <= 0x9f;
    if (count == 0)
        return text;
    char *out = malloc(strlen(text) + 4 * count + 1), *to = out;
    for (const char *at = text; out && *at; at++)
        if (*at == '\xc2' && (unsigned char)at[1] <= 0x9f)
            to += sprintf(to, "\\u%04x", (unsigned char)*++at);
        else
            *to++ = *at;
    if (out)
        *to = '\0';
    free(text);
    return out;
}

char *vc_json_dump(const json_t *value, size_t flags)
{
    const int exact = (flags & JSON_REAL_PRECISION(0x1F)) == 0;
    begin_noticing();
    char *text = value ? json_dumps(value, flags) : NULL;
    if (text && lacked) {
        free(text);
        text = NULL;
    }
    if (text && exact)
        shorten_numbers(text);
    return text ? escape_controls(text) : NULL;
}

/* jansson leaves members out of a copy that it has no memory for. */
static json_t *if_whole(json_t *copy)
{
    if (!lacked)
        return copy;
    json_decref(copy);
    return NULL;
}

json_t *vc_json_copy(const json_t *value)
{
    begin_noticing();
    return if_whole(json_copy((json_t *)value));
}

json_t *vc_json_deep_copy(const json_t *value)
{
    begin_noticing();
    return if_whole(json_deep_copy(value));
}

vc_status vc_json_read(json_t **out, const char *path)
{
    json_error_t error;
    vc_mapped_file file;
    VC_TRY(vc_file_map(&file, path));
    *out = vc_json_parse((const char *)file.data, file.bytes, JSON_REJECT_DUPLICATES, &error);
    vc_file_unmap(&file);
    if (*out)
        return VC_OK;
    if (vc_json_status(&error) == VC_ENOMEM)
        return vc_fail(VC_ENOMEM, "%s: out of memory for the JSON", path);
    return vc_fail(VC_EFORMAT, "%s: line %d: %s", path, error.line, error.text);
}

static vc_status write(const char *path, const json_t *value, size_t flags)
{
    vc_file_writer writer;
    char *text = vc_json_dump(value, JSON_INDENT(2) | flags);
    if (!text)
        return vc_fail(VC_ENOMEM, "%s: out of memory for the JSON", path);
    vc_status status = vc_file_write_begin(&writer, path);
    if (status == VC_OK) {
        fputs(text, writer.stream);
        fputc('\n', writer.stream);
        status = vc_file_write_commit(&writer);
    }
    free(text);
    return status;
}

vc_status vc_json_write(const char *path, const json_t *value)
{
    return write(path, value, JSON_REAL_PRECISION(10));
}

vc_status vc_json_write_exact(const char *path, const json_t *value)
{
    return write(path, value, 0);
}

/* ---- building */

static void keep_if(json_t **whole, int good)
{
    if (good)
        return;
    json_decref(*whole);
    *whole = NULL;
}

void vc_json_set(json_t **whole, const char *key, json_t *value)
{
    keep_if(whole, json_object_set_new(*whole, key, value) == 0);
}

void vc_json_append(json_t **whole, json_t *value)
{
    keep_if(whole, json_array_append_new(*whole, value) == 0);
}

json_t *vc_json_text(const char *text)
{
    json_t *value = json_string(text);
    const size_t length = strlen(text);
    size_t used = 0;
    char *escaped = value ? NULL : malloc(4 * length + 1);
    if (!escaped)
        return value;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x80)
            escaped[used++] = text[i];
        else
            used += (size_t)snprintf(escaped + used, 5, "\\x%02x", (unsigned char)text[i]);
    escaped[used] = '\0';
    value = json_string(escaped);
    free(escaped);
    return value;
}

/* ---- settings */

/* The value as JSON text, which the caller frees. */
static char *text_of(const json_t *value)
{
    return value ? vc_json_dump(value, JSON_ENCODE_ANY) : NULL;
}

/* Appends `name (was X, is Y)` for a setting that differs. */
static void compare(char *text, size_t room, const char *name, const json_t *was, const json_t *is)
{
    if (was && is && json_equal(was, is))
        return;
    char *before = text_of(was), *now = text_of(is);
    const size_t used = strlen(text);
    snprintf(text + used, room - used, "%s%s (was %s, is %s)", used ? ", " : "", name,
             before ? before : "not set", now ? now : "not set");
    free(before);
    free(now);
}

vc_status vc_json_check_settings(const json_t *was, const json_t *is, const char *path)
{
    char differences[1024] = "";
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)was, name, value)
        compare(differences, sizeof differences, name, value, json_object_get(is, name));
    json_object_foreach ((json_t *)is, name, value)
        if (!json_object_get(was, name))
            compare(differences, sizeof differences, name, NULL, value);
    if (differences[0] == '\0')
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: the run was begun with other settings: %s", path, differences);
}

double vc_json_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}
