/* Members of structs by the rows of a record. */
#include "vitcod/record.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record_impl.h"

static const void *member(const vc_field *field, const void *data)
{
    return (const unsigned char *)data + field->offset;
}

vc__items vc__record_items(const vc_field *field, const void *data)
{
    vc__items items = {0};
    if (field->shape == VC_SHAPE_BY_WORD) {
        items.first = (unsigned char *)data + field->offset;
        while (field->words[items.count])
            items.count++;
        return items;
    }
    memcpy(&items.first, member(field, data), sizeof items.first);
    memcpy(&items.count, (const unsigned char *)data + field->count_offset, sizeof items.count);
    return items;
}

uint64_t vc__record_count(const vc_field *field, const void *at)
{
    switch (field->size) {
    case sizeof(uint8_t):
        return *(const uint8_t *)at;
    case sizeof(uint32_t):
        return *(const uint32_t *)at;
    default:
        assert(field->size == sizeof(uint64_t));
        return *(const uint64_t *)at;
    }
}

int64_t vc__record_integer(const vc_field *field, const void *at)
{
    assert(field->size == sizeof(int32_t) || field->size == sizeof(int64_t));
    return field->size == sizeof(int32_t) ? *(const int32_t *)at : *(const int64_t *)at;
}

double vc__record_number(const vc_field *field, const void *at)
{
    assert(field->size == sizeof(float) || field->size == sizeof(double));
    return field->size == sizeof(float) ? (double)*(const float *)at : *(const double *)at;
}

const char *vc__record_text(const vc_field *field, const void *at)
{
    return field->kind == VC_KIND_CHARS ? at : *(const char *const *)at;
}

bool vc__record_is_zero(const vc_field *field, const void *at)
{
    return field->kind == VC_KIND_COUNT ? vc__record_count(field, at) == 0
                                        : vc__record_number(field, at) == 0.0;
}

bool vc__record_is_bare(const vc_record *record, size_t first)
{
    const bool bare = first < record->field_count && !record->fields[first].name;
    assert(!bare || first + 1 == record->field_count);
    return bare;
}

static bool is_known(const vc_field *field, const void *at)
{
    switch (field->kind) {
    case VC_KIND_COUNT:
        return vc__record_count(field, at) != VC_NO_COUNT;
    case VC_KIND_NUMBER:
        return isfinite(vc__record_number(field, at));
    case VC_KIND_TEXT:
    case VC_KIND_JSON:
        return *(void *const *)at != NULL;
    case VC_KIND_CHARS:
        return *(const char *)at != '\0';
    default:
        return true;
    }
}

bool vc__record_present(const vc_field *field, const void *data)
{
    if (field->presence == VC_IF_FLAG)
        return *(const bool *)((const unsigned char *)data + field->flag_offset);
    if (field->presence == VC_ALWAYS)
        return true;
    if (field->shape == VC_SHAPE_LIST || field->shape == VC_SHAPE_NAMED)
        return vc__record_items(field, data).count > 0;
    return field->shape == VC_SHAPE_BY_WORD || is_known(field, member(field, data));
}

static void free_items(const vc_field *field, unsigned char *data)
{
    const vc__items items = vc__record_items(field, data);
    for (size_t i = 0; field->kind == VC_KIND_RECORD && i < items.count; i++)
        vc_record_free(field->record, items.first + i * field->size);
    free(items.first);
    memset(data + field->offset, 0, sizeof items.first);
    memset(data + field->count_offset, 0, sizeof items.count);
}

void vc_record_free(const vc_record *record, void *data)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *field = &record->fields[i];
        if (field->shape == VC_SHAPE_LIST || field->shape == VC_SHAPE_NAMED)
            free_items(field, data);
        else if (field->kind == VC_KIND_RECORD)
            vc_record_free(field->record, (unsigned char *)data + field->offset);
    }
}
