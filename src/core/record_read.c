/* JSON back into structs. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record_impl.h"

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {"an object", "a list", "a text", "a whole number",
                                        "a number",  "a flag", "a flag", "null"};
    return names[json_typeof(value)];
}

static const char *wanted_name(const vc_field *field)
{
    static const char *const names[] = {"a whole number from 0",
                                        "a whole number",
                                        "a number",
                                        "true or false",
                                        "a text",
                                        "a text",
                                        "a value",
                                        "an object"};
    return names[field->kind];
}

static vc_status wrong(const vc_field *field, const json_t *value, const char *wanted,
                       const char *path)
{
    return vc_fail(VC_EFORMAT, "%s: '%s' is %s, wanted %s", path, field->name ? field->name : "",
                   type_name(value), wanted);
}

/* The largest number that a member holds. A count of 8 bytes holds all that JSON has. */
static int64_t most_of(const vc_field *field)
{
    if (field->kind == VC_KIND_INTEGER)
        return field->size == sizeof(int32_t) ? INT32_MAX : INT64_MAX;
    return field->size == sizeof(uint8_t)    ? UINT8_MAX
           : field->size == sizeof(uint32_t) ? UINT32_MAX
                                             : INT64_MAX;
}

static int64_t least_of(const vc_field *field)
{
    return field->kind == VC_KIND_COUNT ? 0 : -most_of(field) - 1;
}

/* A number of the right type that the member has no room for. */
static vc_status out_of_range(const vc_field *field, const json_t *value, const char *path)
{
    const char *name = field->name ? field->name : "";
    if (field->kind == VC_KIND_NUMBER)
        return vc_fail(VC_EFORMAT, "%s: '%s' is %g, wanted %g to %g", path, name,
                       json_number_value(value), -(double)FLT_MAX, (double)FLT_MAX);
    return vc_fail(VC_EFORMAT, "%s: '%s' is %lld, wanted %lld to %lld", path, name,
                   (long long)json_integer_value(value), (long long)least_of(field),
                   (long long)most_of(field));
}

static void store_count(const vc_field *field, void *at, uint64_t value)
{
    if (field->size == sizeof(uint8_t))
        *(uint8_t *)at = (uint8_t)value;
    else if (field->size == sizeof(uint32_t))
        *(uint32_t *)at = (uint32_t)value;
    else
        *(uint64_t *)at = value;
}

static void store_integer(const vc_field *field, void *at, int64_t value)
{
    if (field->size == sizeof(int32_t))
        *(int32_t *)at = (int32_t)value;
    else
        *(int64_t *)at = value;
}

static void store_number(const vc_field *field, void *at, double value)
{
    if (field->size == sizeof(float))
        *(float *)at = (float)value;
    else
        *(double *)at = value;
}

/* Whether a value is of a field's type; `value` is not NULL. */
static bool is_of_type(const vc_field *field, const json_t *value)
{
    if (field->shape == VC_SHAPE_LIST)
        return json_is_array(value);
    if (field->shape == VC_SHAPE_NAMED || field->shape == VC_SHAPE_BY_WORD)
        return json_is_object(value);
    switch (field->kind) {
    case VC_KIND_COUNT:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case VC_KIND_INTEGER:
        return json_is_integer(value);
    case VC_KIND_NUMBER:
        return json_is_number(value);
    case VC_KIND_FLAG:
        return json_is_boolean(value);
    case VC_KIND_TEXT:
        return json_is_string(value);
    case VC_KIND_CHARS:
        return json_is_string(value) && json_string_length(value) < field->size;
    case VC_KIND_RECORD:
        return json_is_object(value) || vc__record_is_bare(field->record, 0);
    case VC_KIND_JSON:
        return true;
    }
    return false;
}

/* Whether a member has room for a number of its type. */
static bool is_in_range(const vc_field *field, const json_t *value)
{
    if (field->shape != VC_SHAPE_ONE)
        return true;
    if (field->kind == VC_KIND_NUMBER && field->size == sizeof(float))
        return fabs(json_number_value(value)) <= (double)FLT_MAX;
    if (field->kind != VC_KIND_COUNT && field->kind != VC_KIND_INTEGER)
        return true;
    return json_integer_value(value) >= least_of(field) &&
           json_integer_value(value) <= most_of(field);
}

static bool fits(const vc_field *field, const json_t *value)
{
    return is_of_type(field, value) && is_in_range(field, value);
}

static vc_status read_rows(void *out, const vc_record *record, size_t first, const json_t *object,
                           const char *path);
static vc_status read_field(void *out, const vc_field *field, const json_t *value,
                            const char *path);

/* From row `first` on. */
static vc_status read_struct(void *out, const vc_record *record, size_t first, const json_t *value,
                             const char *path)
{
    if (vc__record_is_bare(record, first))
        return read_field(out, &record->fields[first], value, path);
    return read_rows(out, record, first, value, path);
}

static vc_status read_value(void *at, const vc_field *field, const json_t *value, const char *path)
{
    switch (field->kind) {
    case VC_KIND_COUNT:
        store_count(field, at, (uint64_t)json_integer_value(value));
        break;
    case VC_KIND_INTEGER:
        store_integer(field, at, json_integer_value(value));
        break;
    case VC_KIND_NUMBER:
        store_number(field, at, json_number_value(value));
        break;
    case VC_KIND_FLAG:
        *(bool *)at = json_is_true(value);
        break;
    case VC_KIND_TEXT:
        *(const char **)at = json_string_value(value);
        break;
    case VC_KIND_CHARS:
        memcpy(at, json_string_value(value), json_string_length(value) + 1);
        break;
    case VC_KIND_JSON:
        *(json_t **)at = (json_t *)value;
        break;
    case VC_KIND_RECORD:
        return read_struct(at, field->record, 0, value, path);
    }
    return VC_OK;
}

/* Room for the items of a list, zeroed. */
static vc_status open_items(vc__items *items, void *out, const vc_field *field, size_t count,
                            const char *path)
{
    *items = (vc__items){calloc(count ? count : 1, field->size), count};
    if (!items->first)
        return vc_fail(VC_ENOMEM, "%s: out of memory for '%s'", path, field->name);
    memcpy((unsigned char *)out + field->offset, &items->first, sizeof items->first);
    memcpy((unsigned char *)out + field->count_offset, &count, sizeof count);
    return VC_OK;
}

/* As a list of its own, so that an item is checked as one value. */
static vc_status read_item(void *at, const vc_field *field, const json_t *value, const char *path)
{
    vc_field one = *field;
    one.shape = VC_SHAPE_ONE;
    if (!is_of_type(&one, value))
        return wrong(field, value, wanted_name(field), path);
    if (!is_in_range(&one, value))
        return out_of_range(field, value, path);
    return read_value(at, field, value, path);
}

static vc_status read_list(void *out, const vc_field *field, const json_t *list, const char *path)
{
    vc__items items;
    VC_TRY(open_items(&items, out, field, json_array_size(list), path));
    for (size_t i = 0; i < items.count; i++)
        VC_TRY(read_item(items.first + i * field->size, field, json_array_get(list, i), path));
    return VC_OK;
}

static vc_status read_named(void *out, const vc_field *field, const json_t *object,
                            const char *path)
{
    const vc_field *key = &field->record->fields[0];
    vc__items items;
    size_t i = 0;
    const char *name;
    json_t *value;
    assert(key->kind == VC_KIND_TEXT);
    VC_TRY(open_items(&items, out, field, json_object_size(object), path));
    json_object_foreach ((json_t *)object, name, value) {
        unsigned char *item = items.first + i++ * field->size;
        *(const char **)(item + key->offset) = name;
        if (!vc__record_is_bare(field->record, 1) && !json_is_object(value))
            return wrong(field, value, "an object", path);
        VC_TRY(read_struct(item, field->record, 1, value, path));
    }
    return VC_OK;
}

static vc_status read_by_word(void *out, const vc_field *field, const json_t *object,
                              const char *path)
{
    unsigned char *first = (unsigned char *)out + field->offset;
    for (size_t i = 0; field->words[i]; i++) {
        const json_t *value = json_object_get(object, field->words[i]);
        if (value)
            VC_TRY(read_item(first + i * field->size, field, value, path));
        else if (!field->skip_zeros)
            return vc_fail(VC_EFORMAT, "%s: '%s' has no '%s'", path, field->name, field->words[i]);
    }
    return VC_OK;
}

static vc_status read_field(void *out, const vc_field *field, const json_t *value, const char *path)
{
    if (!is_of_type(field, value))
        return wrong(field, value,
                     field->shape == VC_SHAPE_LIST  ? "a list"
                     : field->shape != VC_SHAPE_ONE ? "an object"
                                                    : wanted_name(field),
                     path);
    if (!is_in_range(field, value))
        return out_of_range(field, value, path);
    if (field->shape == VC_SHAPE_LIST)
        return read_list(out, field, value, path);
    if (field->shape == VC_SHAPE_NAMED)
        return read_named(out, field, value, path);
    if (field->shape == VC_SHAPE_BY_WORD)
        return read_by_word(out, field, value, path);
    return read_value((unsigned char *)out + field->offset, field, value, path);
}

static void set_absent(void *out, const vc_field *field)
{
    unsigned char *at = (unsigned char *)out + field->offset;
    if (field->shape != VC_SHAPE_ONE)
        return;
    if (field->kind == VC_KIND_NUMBER)
        store_number(field, at, NAN);
    if (field->kind == VC_KIND_COUNT) {
        assert(field->size == sizeof(uint64_t)); /* a smaller one cannot be VC_NO_COUNT */
        store_count(field, at, VC_NO_COUNT);
    }
}

/* Another row of the same name takes what this one does not. */
static bool has_variant(const vc_record *record, const vc_field *field, const json_t *value)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *other = &record->fields[i];
        if (other != field && other->name && strcmp(other->name, field->name) == 0 &&
            fits(other, value))
            return true;
    }
    return false;
}

static vc_status read_row(void *out, const vc_record *record, const vc_field *field,
                          const json_t *object, const char *path)
{
    const json_t *value = json_object_get(object, field->name);
    const bool null = field->or_null && json_is_null(value);
    if (null || (value && !fits(field, value) && has_variant(record, field, value)))
        value = NULL;
    else if (!value && (field->presence == VC_ALWAYS || field->or_null))
        return vc_fail(VC_EFORMAT, "%s: '%s' is missing", path, field->name);
    if (field->presence == VC_IF_FLAG && value)
        *(bool *)((unsigned char *)out + field->flag_offset) = true;
    if (value)
        return read_field(out, field, value, path);
    if (field->presence ==
        VC_IF_KNOWN) /* else the flag tells, and the member may have other rows */
        set_absent(out, field);
    return VC_OK;
}

/* Whether a key of these rows is in the object: so that an optional record of rows is found. */
static bool has_rows(const vc_record *record, const json_t *object)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (json_object_get(object, record->fields[i].name))
            return true;
    return false;
}

static vc_status read_rows(void *out, const vc_record *record, size_t first, const json_t *object,
                           const char *path)
{
    for (size_t i = first; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        if (field->shape != VC_SHAPE_INLINE) {
            VC_TRY(read_row(out, record, field, object, path));
            continue;
        }
        if (field->kind == VC_KIND_JSON) /* nobody knows which members were its own */
            continue;
        if (field->presence == VC_IF_FLAG) {
            if (!has_rows(field->record, object))
                continue;
            *(bool *)((unsigned char *)out + field->flag_offset) = true;
        }
        VC_TRY(read_rows((unsigned char *)out + field->offset, field->record, 0, object, path));
    }
    return VC_OK;
}

vc_status vc_record_read(void *out, const vc_record *record, const json_t *value, const char *path)
{
    memset(out, 0, record->size);
    if (!vc__record_is_bare(record, 0) && !json_is_object(value))
        return vc_fail(VC_EFORMAT, "%s: no object, wanted %s", path, record->title);
    return read_struct(out, record, 0, value, path);
}
