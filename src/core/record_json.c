/* Structs as JSON. Every value of jansson's that is not there is out of memory. */
#include <assert.h>
#include <math.h>

#include "record_impl.h"

static vc_status out_of_memory(const vc_field *field)
{
    return vc_fail(VC_ENOMEM, "out of memory for the result '%s'", field->name ? field->name : "");
}

/* Takes over `value`. */
static vc_status set(json_t *object, const char *key, json_t *value, const vc_field *field)
{
    return value && json_object_set_new(object, key, value) == 0 ? VC_OK : out_of_memory(field);
}

static vc_status append(json_t *list, json_t *value, const vc_field *field)
{
    return value && json_array_append_new(list, value) == 0 ? VC_OK : out_of_memory(field);
}

static vc_status number_json(json_t **out, const vc_field *field, double value)
{
    if (!isfinite(value))
        return vc_fail(VC_EINVAL, "the result '%s' is %g, wanted a finite number",
                       field->name ? field->name : "", value);
    *out = json_real(value);
    return *out ? VC_OK : out_of_memory(field);
}

static vc_status struct_json(json_t **out, const vc_record *record, size_t first, const void *data);

/* The value at `at`, which is no list. */
static vc_status value_json(json_t **out, const vc_field *field, const void *at)
{
    switch (field->kind) {
    case VC_KIND_COUNT:
        *out = json_integer((json_int_t)vc__record_count(field, at));
        break;
    case VC_KIND_INTEGER:
        *out = json_integer(vc__record_integer(field, at));
        break;
    case VC_KIND_NUMBER:
        return number_json(out, field, vc__record_number(field, at));
    case VC_KIND_FLAG:
        *out = json_boolean(*(const bool *)at);
        break;
    case VC_KIND_TEXT:
    case VC_KIND_CHARS:
        *out = vc_json_text(vc__record_text(field, at));
        break;
    case VC_KIND_JSON:
        *out = json_incref(*(json_t *const *)at);
        break;
    case VC_KIND_RECORD:
        return struct_json(out, field->record, 0, at);
    }
    return *out ? VC_OK : out_of_memory(field);
}

static vc_status fill_list(json_t *list, const vc_field *field, vc__items items)
{
    for (size_t i = 0; i < items.count; i++) {
        json_t *value = NULL;
        VC_TRY(value_json(&value, field, items.first + i * field->size));
        VC_TRY(append(list, value, field));
    }
    return VC_OK;
}

static vc_status fill_named(json_t *object, const vc_field *field, vc__items items)
{
    const vc_field *key = &field->record->fields[0];
    for (size_t i = 0; i < items.count; i++) {
        const unsigned char *item = items.first + i * field->size;
        json_t *value = NULL;
        VC_TRY(struct_json(&value, field->record, 1, item));
        VC_TRY(set(object, vc__record_text(key, item + key->offset), value, field));
    }
    return VC_OK;
}

static vc_status fill_by_word(json_t *object, const vc_field *field, vc__items items)
{
    for (size_t i = 0; i < items.count; i++) {
        const unsigned char *at = items.first + i * field->size;
        json_t *value = NULL;
        if (field->skip_zeros && vc__record_is_zero(field, at))
            continue;
        VC_TRY(value_json(&value, field, at));
        VC_TRY(set(object, field->words[i], value, field));
    }
    return VC_OK;
}

static vc_status fill(json_t *into, const vc_field *field, const void *data)
{
    const vc__items items = vc__record_items(field, data);
    if (field->shape == VC_SHAPE_LIST)
        return fill_list(into, field, items);
    return field->shape == VC_SHAPE_NAMED ? fill_named(into, field, items)
                                          : fill_by_word(into, field, items);
}

static vc_status field_json(json_t **out, const vc_field *field, const void *data)
{
    assert(field->shape != VC_SHAPE_INLINE);
    if (field->shape == VC_SHAPE_ONE)
        return value_json(out, field, (const unsigned char *)data + field->offset);
    *out = field->shape == VC_SHAPE_LIST ? json_array() : json_object();
    if (!*out)
        return out_of_memory(field);
    const vc_status status = fill(*out, field, data);
    if (status != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

static vc_status add_rows(json_t *object, const vc_record *record, size_t first, const void *data)
{
    for (size_t i = first; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        json_t *value = NULL;
        if (!vc__record_present(field, data)) {
            if (field->or_null)
                VC_TRY(set(object, field->name, json_null(), field));
            continue;
        }
        if (field->shape == VC_SHAPE_INLINE && field->kind == VC_KIND_JSON) {
            const unsigned char *at = (const unsigned char *)data + field->offset;
            if (json_object_update(object, *(json_t *const *)at) != 0)
                return out_of_memory(field);
            continue;
        }
        if (field->shape == VC_SHAPE_INLINE) {
            VC_TRY(add_rows(object, field->record, 0, (const unsigned char *)data + field->offset));
            continue;
        }
        VC_TRY(field_json(&value, field, data));
        VC_TRY(set(object, field->name, value, field));
    }
    return VC_OK;
}

/* From row `first` on. */
static vc_status struct_json(json_t **out, const vc_record *record, size_t first, const void *data)
{
    if (vc__record_is_bare(record, first))
        return field_json(out, &record->fields[first], data);
    *out = json_object();
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for the result '%s'", record->title);
    const vc_status status = add_rows(*out, record, first, data);
    if (status != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

vc_status vc_record_json(json_t **out, const vc_record *record, const void *data)
{
    *out = NULL;
    return struct_json(out, record, 0, data);
}

vc_status vc_record_add(json_t *object, const vc_record *record, const void *data)
{
    return add_rows(object, record, 0, data);
}
