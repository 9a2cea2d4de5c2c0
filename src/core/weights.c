#include "vitcod/weights.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npy_folder.h"
#include "pth_impl.h"
#include "safetensors_impl.h"
#include "shards_impl.h"
#include "tensor_file_impl.h"
#include "vitcod/file_kind.h"
#include "vitcod/pth.h"
#include "vitcod/safetensors.h"

#define WANTED "weights: safetensors or a PyTorch checkpoint"

/* ---- prefixes */

/* What wrappers put before every name. Those with a kind may stand side by side in one file. */
static const struct prefix {
    const char *text;
    vc_weights_kind kind;
} prefixes[] = {
    {"module.", VC_WEIGHTS_ANY},
    {"_orig_mod.", VC_WEIGHTS_ANY},
    {"backbone.", VC_WEIGHTS_ANY},
    {"encoder.", VC_WEIGHTS_ANY},
    {"model.", VC_WEIGHTS_RAW},
    {"net.", VC_WEIGHTS_RAW},
    {"network.", VC_WEIGHTS_RAW},
    {"student.", VC_WEIGHTS_RAW},
    {"ema.", VC_WEIGHTS_EMA},
    {"ema_model.", VC_WEIGHTS_EMA},
    {"model_ema.", VC_WEIGHTS_EMA},
    {"teacher.", VC_WEIGHTS_EMA},
    {"averaged_model.", VC_WEIGHTS_EMA},
};
enum { PREFIXES = sizeof prefixes / sizeof *prefixes, MOST_WRAPPERS = 4 };

static const struct prefix *prefix_of(const char *name)
{
    for (size_t i = 0; i < PREFIXES; i++)
        if (strncmp(name, prefixes[i].text, strlen(prefixes[i].text)) == 0)
            return &prefixes[i];
    return NULL;
}

/* The prefix of all names, NULL: there is none. */
static const struct prefix *common_prefix(const vc_tensor_file *file)
{
    const struct prefix *first = file->count > 0 ? prefix_of(file->tensors[0].name) : NULL;
    for (size_t i = 1; first && i < file->count; i++)
        if (strncmp(file->tensors[i].name, first->text, strlen(first->text)) != 0)
            return NULL;
    return first;
}

/* Every name has one of two prefixes, of a raw and of an averaged model: only those of `kind`
 * stay. */
static vc_status choose_prefix(vc_tensor_file *file, vc_weights_kind kind)
{
    const struct prefix *of[3] = {NULL};
    for (size_t i = 0; i < file->count; i++) {
        const struct prefix *p = prefix_of(file->tensors[i].name);
        if (!p || p->kind == VC_WEIGHTS_ANY || (of[p->kind] && of[p->kind] != p))
            return VC_OK;
        of[p->kind] = p;
    }
    if (!of[VC_WEIGHTS_RAW] || !of[VC_WEIGHTS_EMA])
        return VC_OK;
    const struct prefix *taken = of[kind == VC_WEIGHTS_RAW ? VC_WEIGHTS_RAW : VC_WEIGHTS_EMA];
    const struct prefix *other = of[kind == VC_WEIGHTS_RAW ? VC_WEIGHTS_EMA : VC_WEIGHTS_RAW];
    size_t kept = 0;
    for (size_t i = 0; i < file->count; i++)
        if (prefix_of(file->tensors[i].name) == taken)
            file->tensors[kept++] = file->tensors[i];
    file->count = kept;
    file->kind = taken->kind;
    return vc__tensor_file_note(
        file, "%s under '%s' taken; also there: %s under '%s' (--weights %s)",
        vc_weights_kind_text(taken->kind), taken->text, vc_weights_kind_text(other->kind),
        other->text, other->kind == VC_WEIGHTS_EMA ? "ema" : "raw");
}

static vc_status strip_prefixes(vc_tensor_file *file, vc_weights_kind kind)
{
    for (size_t i = 0; i < MOST_WRAPPERS; i++) {
        VC_TRY(choose_prefix(file, kind));
        const struct prefix *p = common_prefix(file);
        if (!p)
            break;
        const size_t length = strlen(p->text);
        for (size_t t = 0; t < file->count; t++)
            file->tensors[t].name += length;
        if (file->kind == VC_WEIGHTS_ANY)
            file->kind = p->kind;
        VC_TRY(vc__tensor_file_note(file, "'%s' before every name left out", p->text));
    }
    return vc__tensor_file_finish(file);
}

/* ---- numbers of other widths */

static int is_converted(vc_dtype dtype)
{
    return dtype == VC_F16 || dtype == VC_BF16 || dtype == VC_F64;
}

/* IEEE 754's half precision. */
static void convert(float *out, const vc_tensor *from)
{
    const size_t count = vc_tensor_count(from);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)vc_tensor_value(from, i);
}

static vc_status note_conversion(vc_tensor_file *file, const size_t counts[VC_DTYPE_COUNT])
{
    char text[96] = "";
    for (int d = 0; d < VC_DTYPE_COUNT; d++) {
        const size_t used = strlen(text);
        if (counts[d])
            snprintf(text + used, sizeof text - used, "%s%zu in %s", used ? ", " : "", counts[d],
                     vc_dtype_name((vc_dtype)d));
    }
    return vc__tensor_file_note(file, "tensors converted to F32: %s of %zu", text, file->count);
}

static vc_status convert_all(vc_tensor_file *file)
{
    enum { ALIGN = 64 };
    size_t counts[VC_DTYPE_COUNT] = {0}, values = 0;
    for (size_t i = 0; i < file->count; i++)
        if (is_converted(file->tensors[i].tensor.dtype)) {
            counts[file->tensors[i].tensor.dtype]++;
            values += (vc_tensor_count(&file->tensors[i].tensor) + 15) / 16 * 16;
        }
    if (counts[VC_F16] + counts[VC_BF16] + counts[VC_F64] == 0)
        return VC_OK;
    file->made = aligned_alloc(ALIGN, values * sizeof(float) + ALIGN);
    if (!file->made)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu values", file->path, values);
    float *at = file->made;
    for (size_t i = 0; i < file->count; i++) {
        vc_tensor *tensor = &file->tensors[i].tensor;
        if (!is_converted(tensor->dtype))
            continue;
        convert(at, tensor);
        vc_tensor_file_forget(file, tensor->data,
                              vc_tensor_count(tensor) * vc_dtype_bytes(tensor->dtype));
        tensor->dtype = VC_F32;
        tensor->data = at;
        at += (vc_tensor_count(tensor) + 15) / 16 * 16;
    }
    return note_conversion(file, counts);
}

/* ---- */

static vc_status open_one(vc_tensor_file **out, const char *path, vc_weights_kind kind)
{
    vc_mapped_file file;
    *out = NULL;
    VC_TRY(vc_file_map(&file, path));
    const int pth = vc__pth_begins(&file);
    vc_status status = VC_OK;
    if (!pth && !vc__safetensors_begins(&file))
        status = vc_file_refuse_known(path, &file, WANTED);
    vc_file_unmap(&file);
    VC_TRY(status);
    return pth ? vc_pth_open(out, path, kind) : vc_safetensors_open(out, path);
}

static vc_status open_any(vc_tensor_file **out, const char *path, vc_weights_kind kind)
{
    vc_mapped_file file;
    *out = NULL;
    if (vc__npy_folder_is(path))
        return vc__npy_folder_open(out, path);
    VC_TRY(vc_file_refuse_folder(path, WANTED));
    VC_TRY(vc_file_map(&file, path));
    const int shards = vc__shards_begin(&file);
    vc_file_unmap(&file);
    return shards ? vc__shards_open(out, path, kind, open_one) : open_one(out, path, kind);
}

static vc_status check_kind(const vc_tensor_file *file, vc_weights_kind kind)
{
    if (kind == VC_WEIGHTS_ANY || kind == file->kind ||
        (kind == VC_WEIGHTS_RAW && file->kind == VC_WEIGHTS_ANY))
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: holds no %s, which --weights %s wants", file->path,
                   vc_weights_kind_text(kind), kind == VC_WEIGHTS_EMA ? "ema" : "raw");
}

vc_status vc_weights_open(vc_tensor_file **out, const char *path, vc_weights_kind kind)
{
    VC_TRY(open_any(out, path, kind));
    vc_status status = strip_prefixes(*out, kind);
    if (status == VC_OK)
        status = check_kind(*out, kind);
    if (status == VC_OK)
        status = convert_all(*out);
    if (status == VC_OK)
        return VC_OK;
    vc_tensor_file_close(*out);
    *out = NULL;
    return status;
}
