/* What a record's JSON looks like, as a JSON schema (draft 2020-12). */
#include <string.h>

#include "record_impl.h"

static json_t *type_schema(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *object_schema(void)
{
    return json_pack("{s:s, s:{}, s:[], s:b}", "type", "object", "properties", "required",
                     "additionalProperties", 0);
}

static vc_status add_rows(json_t *schema, const vc_record *record, size_t first, bool optional);

/* Of the record from row `first` on; NULL when memory is out. */
static json_t *struct_schema(const vc_record *record, size_t first);

static json_t *value_schema(const vc_field *field)
{
    switch (field->kind) {
    case VC_KIND_COUNT:
        return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
    case VC_KIND_INTEGER:
        return type_schema("integer");
    case VC_KIND_NUMBER:
        return type_schema("number");
    case VC_KIND_FLAG:
        return type_schema("boolean");
    case VC_KIND_TEXT:
    case VC_KIND_CHARS:
        return type_schema("string");
    case VC_KIND_JSON:
        return field->record ? struct_schema(field->record, 0) : json_object();
    case VC_KIND_RECORD:
        return struct_schema(field->record, 0);
    }
    return NULL;
}

static json_t *by_word_schema(const vc_field *field)
{
    json_t *schema = object_schema();
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_object_get(schema, "required");
    int failed = !schema;
    for (size_t i = 0; field->words[i] && !failed; i++) {
        failed = json_object_set_new(properties, field->words[i], value_schema(field)) != 0;
        if (!failed && !field->skip_zeros)
            failed = json_array_append_new(required, json_string(field->words[i])) != 0;
    }
    if (!failed)
        return schema;
    json_decref(schema);
    return NULL;
}

static json_t *shape_schema(const vc_field *field)
{
    if (field->shape == VC_SHAPE_BY_WORD)
        return by_word_schema(field);
    if (field->shape == VC_SHAPE_NAMED)
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         struct_schema(field->record, 1));
    json_t *value = value_schema(field);
    return field->shape == VC_SHAPE_LIST ? json_pack("{s:s, s:o}", "type", "array", "items", value)
                                         : value;
}

/* Of plain values null is one more type, of objects another variant. */
static json_t *with_null(json_t *schema)
{
    json_t *type = json_object_get(schema, "type");
    if (strcmp(json_string_value(type), "object") != 0) {
        if (json_object_set_new(schema, "type", json_pack("[O, s]", type, "null")) == 0)
            return schema;
        json_decref(schema);
        return NULL;
    }
    return json_pack("{s:[o, o]}", "anyOf", schema, type_schema("null"));
}

static json_t *field_schema(const vc_field *field)
{
    json_t *schema = shape_schema(field);
    if (schema && field->or_null)
        schema = with_null(schema);
    int failed = !schema;
    if (!failed && field->meaning[0])
        failed = json_object_set_new(schema, "description", json_string(field->meaning)) != 0;
    if (!failed && field->unit[0])
        failed = json_object_set_new(schema, "unit", json_string(field->unit)) != 0;
    if (!failed)
        return schema;
    json_decref(schema);
    return NULL;
}

static json_t *struct_schema(const vc_record *record, size_t first)
{
    if (vc__record_is_bare(record, first))
        return field_schema(&record->fields[first]);
    json_t *schema = object_schema();
    if (schema && add_rows(schema, record, first, false) == VC_OK)
        return schema;
    json_decref(schema);
    return NULL;
}

/* Two numbers or two words, whatever they are of. */
static bool is_alike(const json_t *a, const json_t *b)
{
    const char *type = json_string_value(json_object_get(a, "type"));
    return type && strcmp(type, "object") != 0 && strcmp(type, "array") != 0 &&
           json_equal(json_object_get(a, "type"), json_object_get(b, "type"));
}

/* Variants of one name stand side by side. */
static vc_status add_property(json_t *schema, const char *name, json_t *property)
{
    json_t *properties = json_object_get(schema, "properties");
    json_t *before = json_object_get(properties, name);
    if (property && is_alike(before, property)) {
        json_decref(property);
        return VC_OK;
    }
    json_t *variants = json_object_get(before, "anyOf");
    int failed = !property;
    if (variants)
        failed = failed || json_array_append_new(variants, property) != 0;
    else if (before)
        failed =
            failed || json_object_set_new(properties, name,
                                          json_pack("{s:[O, o]}", "anyOf", before, property)) != 0;
    else
        failed = failed || json_object_set_new(properties, name, property) != 0;
    return failed ? vc_fail(VC_ENOMEM, "out of memory for the schema of '%s'", name) : VC_OK;
}

static vc_status add_rows(json_t *schema, const vc_record *record, size_t first, bool optional)
{
    json_t *required = json_object_get(schema, "required");
    for (size_t i = first; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        const bool may_lack = optional || (field->presence != VC_ALWAYS && !field->or_null);
        if (field->shape == VC_SHAPE_INLINE && field->kind == VC_KIND_JSON) {
            if (json_object_set(schema, "additionalProperties", json_true()) != 0)
                return vc_fail(VC_ENOMEM, "out of memory for the schema of '%s'", field->name);
            continue;
        }
        if (field->shape == VC_SHAPE_INLINE) {
            VC_TRY(add_rows(schema, field->record, 0, may_lack));
            continue;
        }
        VC_TRY(add_property(schema, field->name, field_schema(field)));
        if (!may_lack && json_array_append_new(required, json_string(field->name)) != 0)
            return vc_fail(VC_ENOMEM, "out of memory for the schema of '%s'", field->name);
    }
    return VC_OK;
}

vc_status vc_record_schema(json_t **out, const char *title, const char *description)
{
    *out = json_pack("{s:s, s:s, s:s, s:s, s:{}, s:[], s:b}", "$schema",
                     "https://json-schema.org/draft/2020-12/schema", "title", title, "description",
                     description, "type", "object", "properties", "required",
                     "additionalProperties", 0);
    return *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for the schema '%s'", title);
}

vc_status vc_record_add_schema(json_t *schema, const vc_record *record)
{
    return add_rows(schema, record, 0, false);
}
