/* Holds JSON against a schema of docs/schema: usage: check_schema SCHEMA FILE
 * It knows what those schemas use of draft 2020-12: type, properties, required,
 * additionalProperties, items, anyOf, minimum. Prints what does not fit and ends with 1. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 512 };

static int fits(const json_t *schema, const json_t *value, const char *path, int quiet);

static int is_type(const char *type, const json_t *value)
{
    return (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value));
}

static int refuse(const char *path, const char *what, int quiet)
{
    if (!quiet)
        printf("%s: %s\n", path[0] ? path : "the result", what);
    return 0;
}

/* A word, or a list of which one is enough. */
static int fits_type(const json_t *types, const json_t *value)
{
    size_t i;
    json_t *type;
    if (!types || json_is_string(types))
        return !types || is_type(json_string_value(types), value);
    json_array_foreach ((json_t *)types, i, type)
        if (is_type(json_string_value(type), value))
            return 1;
    return 0;
}

static int fits_any(const json_t *variants, const json_t *value, const char *path, int quiet)
{
    size_t i;
    json_t *variant;
    json_array_foreach ((json_t *)variants, i, variant)
        if (fits(variant, value, path, 1))
            return 1;
    return refuse(path, "fits none of its variants", quiet);
}

static int fits_object(const json_t *schema, const json_t *object, const char *path, int quiet)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    char below[PATH];
    const char *key;
    size_t i;
    json_t *value;
    int good = 1;
    json_array_foreach (json_object_get(schema, "required"), i, value)
        if (!json_object_get(object, json_string_value(value))) {
            snprintf(below, sizeof below, "%s.%s", path, json_string_value(value));
            good = refuse(below, "is missing", quiet);
        }
    json_object_foreach ((json_t *)object, key, value) {
        const json_t *wanted = json_object_get(properties, key);
        snprintf(below, sizeof below, "%s.%s", path, key);
        if (!wanted)
            wanted = others;
        if (json_is_false(wanted))
            good = refuse(below, "is unknown", quiet);
        else if (wanted)
            good &= fits(wanted, value, below, quiet);
    }
    return good;
}

static int fits(const json_t *schema, const json_t *value, const char *path, int quiet)
{
    const json_t *variants = json_object_get(schema, "anyOf");
    const json_t *least = json_object_get(schema, "minimum");
    const json_t *items = json_object_get(schema, "items");
    char below[PATH];
    int good = 1;
    size_t i;
    json_t *item;
    if (variants)
        return fits_any(variants, value, path, quiet);
    if (!fits_type(json_object_get(schema, "type"), value))
        return refuse(path, "has another type", quiet);
    if (least && json_is_number(value) && json_number_value(value) < json_number_value(least))
        return refuse(path, "is too small", quiet);
    if (json_is_object(value))
        return fits_object(schema, value, path, quiet);
    json_array_foreach ((json_t *)value, i, item) {
        snprintf(below, sizeof below, "%s[%zu]", path, i);
        good &= !items || fits(items, item, below, quiet);
    }
    return good;
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        printf("%s: %s\n", path, error.text);
    return value;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        puts("usage: check_schema SCHEMA FILE");
        return 2;
    }
    json_t *schema = load(argv[1]), *value = load(argv[2]);
    const int good = schema && value && fits(schema, value, "", 0);
    json_decref(schema);
    json_decref(value);
    return good ? 0 : 1;
}
