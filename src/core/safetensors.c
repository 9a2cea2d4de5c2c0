#include "vitcod/safetensors.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors_impl.h"
#include "tensor_file_impl.h"
#include "vitcod/file_kind.h"
#include "vitcod/json.h"

typedef struct backing {
    vc_mapped_file file;
    unsigned char *copy; /* of the data, if it is not aligned in the file */
    json_t *header;      /* owns the names */
} backing;

static void close_backing(void *context)
{
    backing *b = context;
    json_decref(b->header);
    free(b->copy);
    vc_file_unmap(&b->file);
    free(b);
}

typedef struct span {
    size_t begin, end;
} span;

static int compare_spans(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static vc_status parse_dtype(vc_dtype *out, const char *path, const char *name, const char *text)
{
    for (int i = 0; text && i < VC_DTYPE_COUNT; i++)
        if (strcmp(text, vc_dtype_name((vc_dtype)i)) == 0) {
            *out = (vc_dtype)i;
            return VC_OK;
        }
    return vc_fail(VC_EFORMAT,
                   "%s: '%s' has dtype %s, wanted F32 F64 F16 BF16 I64 I32 I8 U8 or BOOL", path,
                   name, text ? text : "(none)");
}

static vc_status parse_tensor(vc_named_tensor *out, span *range, const char *path, const char *name,
                              const json_t *entry, const unsigned char *data, size_t data_bytes)
{
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return vc_fail(VC_EFORMAT, "%s: '%s' lacks shape or data_offsets", path, name);
    vc_tensor tensor = {.rank = json_array_size(shape)};
    VC_TRY(
        parse_dtype(&tensor.dtype, path, name, json_string_value(json_object_get(entry, "dtype"))));
    if (tensor.rank > VC_MAX_RANK)
        return vc_fail(VC_EFORMAT, "%s: '%s' has rank %zu, wanted at most %d", path, name,
                       tensor.rank, VC_MAX_RANK);
    for (size_t i = 0; i < tensor.rank; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return vc_fail(VC_EFORMAT, "%s: '%s' has a shape that is not made of sizes", path,
                           name);
        tensor.shape[i] = (size_t)json_integer_value(size);
    }
    if (!json_is_integer(json_array_get(offsets, 0)) ||
        !json_is_integer(json_array_get(offsets, 1)))
        return vc_fail(VC_EFORMAT, "%s: '%s' has data_offsets that are not made of sizes", path,
                       name);
    json_int_t begin = json_integer_value(json_array_get(offsets, 0));
    json_int_t end = json_integer_value(json_array_get(offsets, 1));
    if (begin < 0 || end < begin || (size_t)end > data_bytes)
        return vc_fail(VC_EFORMAT, "%s: '%s' lies at bytes %lld to %lld of %zu: truncated?", path,
                       name, (long long)begin, (long long)end, data_bytes);
    size_t count = vc_tensor_count(&tensor), want;
    if (count == SIZE_MAX || __builtin_mul_overflow(count, vc_dtype_bytes(tensor.dtype), &want) ||
        want != (size_t)(end - begin)) {
        char text[VC_SHAPE_TEXT];
        return vc_fail(VC_EFORMAT, "%s: '%s' has %lld bytes, wanted those of %s %s", path, name,
                       (long long)(end - begin), vc_dtype_name(tensor.dtype),
                       vc_shape_text(text, tensor.rank, tensor.shape));
    }
    tensor.data = (void *)(data + begin);
    if ((uintptr_t)tensor.data % vc_dtype_bytes(tensor.dtype) != 0)
        return vc_fail(VC_EFORMAT, "%s: '%s' starts at an unaligned byte", path, name);
    *range = (span){(size_t)begin, (size_t)end};
    *out = (vc_named_tensor){name, tensor};
    return VC_OK;
}

static vc_status take_metadata(vc_tensor_file *out, const json_t *metadata)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)metadata, key, value) {
        if (!json_is_string(value))
            return vc_fail(VC_EFORMAT, "%s: __metadata__ '%s' is not a string", out->path, key);
        out->metadata[out->metadata_count++] = (vc_metadata){key, json_string_value(value)};
    }
    return VC_OK;
}

/* Old writers do not pad the header, so the data may start at any byte; it is then copied. */
static vc_status align_data(const unsigned char **data, backing *b, size_t bytes, const char *path)
{
    enum { ALIGN = 8 };
    if ((uintptr_t)*data % ALIGN == 0 || bytes == 0)
        return VC_OK;
    b->copy = malloc(bytes);
    if (!b->copy)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu bytes", path, bytes);
    memcpy(b->copy, *data, bytes);
    *data = b->copy;
    return VC_OK;
}

static uint64_t header_length(const vc_mapped_file *file)
{
    uint64_t bytes = 0;
    for (int i = 0; i < 8; i++)
        bytes |= (uint64_t)file->data[i] << (8 * i);
    return bytes;
}

int vc__safetensors_begins(const vc_mapped_file *file)
{
    const uint64_t most = (uint64_t)1 << 32;
    return file->bytes > 8 && file->data[8] == '{' && header_length(file) < most;
}

int vc_safetensors_is(const char *path)
{
    vc_mapped_file file;
    if (vc_file_map(&file, path) != VC_OK)
        return 0;
    const int is = vc__safetensors_begins(&file);
    vc_file_unmap(&file);
    return is;
}

/* Parses the header. `data` and `data_bytes` get what follows it. */
static vc_status parse_header(backing *b, const char *path, const unsigned char **data,
                              size_t *data_bytes)
{
    const unsigned char *bytes = b->file.data;
    size_t length = b->file.bytes;
    if (!vc__safetensors_begins(&b->file))
        VC_TRY(vc_file_refuse_known(path, &b->file, "safetensors"));
    if (length < 8)
        return vc_fail(VC_EFORMAT, "%s: %zu bytes, too short for safetensors", path, length);
    const uint64_t header_bytes = header_length(&b->file);
    if (header_bytes > length - 8)
        return vc_fail(VC_EFORMAT, "%s: not safetensors: header of %llu bytes in a file of %zu%s",
                       path, (unsigned long long)header_bytes, length,
                       vc__safetensors_begins(&b->file) ? "; cut off?" : "");
    json_error_t error;
    b->header =
        vc_json_parse((const char *)bytes + 8, header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!b->header && vc_json_status(&error) == VC_ENOMEM)
        return vc_fail(VC_ENOMEM, "%s: %s", path, error.text);
    if (!json_is_object(b->header))
        return vc_fail(VC_EFORMAT, "%s: not safetensors: the header is no JSON object: %s", path,
                       b->header ? "another type" : error.text);
    *data = bytes + 8 + header_bytes;
    *data_bytes = length - 8 - header_bytes;
    return align_data(data, b, *data_bytes, path);
}

/* The tensors must cover the data without gap or overlap. */
static vc_status check_spans(span *spans, size_t count, size_t data_bytes, const char *path)
{
    size_t covered = 0;
    qsort(spans, count, sizeof *spans, compare_spans);
    for (size_t i = 0; i < count; i++) {
        if (spans[i].begin != covered)
            return vc_fail(VC_EFORMAT, "%s: tensors overlap or leave a gap at data byte %zu", path,
                           covered);
        covered = spans[i].end;
    }
    if (covered != data_bytes)
        return vc_fail(VC_EFORMAT, "%s: %zu bytes of data, wanted the %zu that the header names",
                       path, data_bytes, covered);
    return VC_OK;
}

static vc_status parse_tensors(vc_tensor_file *out, span *spans, const json_t *header,
                               const unsigned char *data, size_t data_bytes)
{
    const char *name;
    json_t *entry;
    json_object_foreach ((json_t *)header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            VC_TRY(take_metadata(out, entry));
            continue;
        }
        VC_TRY(parse_tensor(&out->tensors[out->count], &spans[out->count], out->path, name, entry,
                            data, data_bytes));
        out->count++;
    }
    return check_spans(spans, out->count, data_bytes, out->path);
}

static vc_status parse(vc_tensor_file *out, backing *b)
{
    const unsigned char *data;
    size_t data_bytes;
    VC_TRY(vc_file_map(&b->file, out->path));
    out->mapped = b->file;
    VC_TRY(parse_header(b, out->path, &data, &data_bytes));
    const json_t *metadata = json_object_get(b->header, "__metadata__");
    if (metadata && !json_is_object(metadata) && !json_is_null(metadata))
        return vc_fail(VC_EFORMAT, "%s: __metadata__ is not an object", out->path);
    size_t entries = json_object_size(b->header);
    VC_TRY(vc__tensor_file_reserve(out, entries, json_object_size(metadata)));
    span *spans = calloc(entries + 1, sizeof *spans);
    if (!spans)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    vc_status status = parse_tensors(out, spans, b->header, data, data_bytes);
    free(spans);
    return status == VC_OK ? vc__tensor_file_finish(out) : status;
}

vc_status vc_safetensors_open(vc_tensor_file **out, const char *path)
{
    *out = NULL;
    backing *b = calloc(1, sizeof *b);
    if (!b)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    VC_TRY(vc__tensor_file_begin(out, path, b, close_backing));
    vc_status status = parse(*out, b);
    if (status != VC_OK) {
        vc_tensor_file_close(*out);
        *out = NULL;
    }
    return status;
}

static size_t bytes_of(const vc_named_tensor *t)
{
    return vc_tensor_count(&t->tensor) * vc_dtype_bytes(t->tensor.dtype);
}

/* In the order given every value lies at a multiple of its size. */
static int is_aligned(const vc_named_tensor *tensors, size_t count)
{
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        if (offset % vc_dtype_bytes(tensors[i].tensor.dtype) != 0)
            return 0;
        offset += bytes_of(&tensors[i]);
    }
    return 1;
}

/* order (count): the tensors as they lie in the file. */
static void put_in_order(const vc_named_tensor **order, const vc_named_tensor *tensors,
                         size_t count)
{
    const int as_given = is_aligned(tensors, count);
    size_t used = 0;
    for (size_t width = as_given ? 1 : 8; width > 0; width /= 2)
        for (size_t i = 0; i < count; i++)
            if (as_given || vc_dtype_bytes(tensors[i].tensor.dtype) == width)
                order[used++] = &tensors[i];
    assert(used == count);
}

static json_t *make_header(const vc_named_tensor *const *tensors, size_t count,
                           const vc_metadata *metadata, size_t metadata_count)
{
    json_t *header = json_object();
    json_t *pairs = json_object();
    for (size_t i = 0; i < metadata_count; i++)
        vc_json_set(&pairs, metadata[i].key, json_string(metadata[i].value));
    if (metadata_count > 0)
        vc_json_set(&header, "__metadata__", pairs);
    else
        json_decref(pairs);
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const vc_tensor *tensor = &tensors[i]->tensor;
        size_t end = offset + bytes_of(tensors[i]);
        json_t *shape = json_array();
        for (size_t d = 0; d < tensor->rank; d++)
            vc_json_append(&shape, json_integer((json_int_t)tensor->shape[d]));
        json_t *entry =
            json_pack("{s:s, s:o, s:[I, I]}", "dtype", vc_dtype_name(tensor->dtype), "shape", shape,
                      "data_offsets", (json_int_t)offset, (json_int_t)end);
        vc_json_set(&header, tensors[i]->name, entry);
        offset = end;
    }
    return header;
}

static vc_status write_in_order(const char *path, const vc_named_tensor *const *tensors,
                                size_t count, const vc_metadata *metadata, size_t metadata_count)
{
    json_t *header = make_header(tensors, count, metadata, metadata_count);
    char *text = vc_json_dump(header, JSON_COMPACT | JSON_REAL_PRECISION(17));
    size_t entries = json_object_size(header) - (metadata_count > 0);
    json_decref(header);
    if (!text)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (entries != count) {
        free(text);
        return vc_fail(VC_EINVAL, "%s: two tensors have the same name", path);
    }
    vc_file_writer writer;
    vc_status status = vc_file_write_begin(&writer, path);
    if (status == VC_OK) {
        size_t length = strlen(text);
        size_t padded = (length + 8 + 63) / 64 * 64 - 8; /* padded with spaces */
        unsigned char prefix[8];
        for (int i = 0; i < 8; i++)
            prefix[i] = (unsigned char)((uint64_t)padded >> (8 * i));
        fwrite(prefix, 1, sizeof prefix, writer.stream);
        fprintf(writer.stream, "%-*s", (int)padded, text);
        for (size_t i = 0; i < count; i++)
            fwrite(tensors[i]->tensor.data, vc_dtype_bytes(tensors[i]->tensor.dtype),
                   vc_tensor_count(&tensors[i]->tensor), writer.stream);
        status = vc_file_write_commit(&writer);
    }
    free(text);
    return status;
}

vc_status vc_safetensors_write(const char *path, const vc_named_tensor *tensors, size_t count,
                               const vc_metadata *metadata, size_t metadata_count)
{
    const vc_named_tensor **order = malloc((count + 1) * sizeof *order);
    if (!order)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    put_in_order(order, tensors, count);
    const vc_status status = write_in_order(path, order, count, metadata, metadata_count);
    free((void *)order);
    return status;
}
