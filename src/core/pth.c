#include "vitcod/pth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pickle_impl.h"
#include "pth_archive_impl.h"
#include "pth_tensors_impl.h"
#include "tensor_file_impl.h"

/* The beginning of files by PyTorch 0.1.10 to 1.5: a pickle of this number, then more pickles and
 * raw bytes. */
static const unsigned char old_magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                          0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
enum { TAR_MAGIC_AT = 257 };

static int is_old(const vc_mapped_file *file)
{
    return file->bytes >= 2 + sizeof old_magic && file->data[0] == 0x80 &&
           memcmp(file->data + 2, old_magic, sizeof old_magic) == 0;
}

/* PyTorch's format before 0.1.10 was a tar archive. */
static int is_tar(const vc_mapped_file *file)
{
    return file->bytes >= TAR_MAGIC_AT + 5 && memcmp(file->data + TAR_MAGIC_AT, "ustar", 5) == 0;
}

int vc__pth_begins(const vc_mapped_file *file)
{
    const unsigned char *b = file->data;
    int zip = file->bytes >= 4 && (memcmp(b, "PK\3\4", 4) == 0 || memcmp(b, "PK\5\6", 4) == 0);
    return zip || is_old(file) || is_tar(file);
}

static vc_status refuse_old(const char *path, const vc_mapped_file *file)
{
    int old = is_old(file), tar = is_tar(file);
    if (!old && !tar)
        return VC_OK;
    return vc_fail(
        VC_EFORMAT,
        "%s: is %s (before 1.6), wanted its zip format: load it with torch.load and save "
        "it again with torch.save",
        path, old ? "an old PyTorch checkpoint" : "a tar file, perhaps an old PyTorch one");
}

/* Reads a whole entry into the pool. */
static vc_status read_entry(unsigned char **out, size_t *bytes, int *found, vc__pool *pool,
                            const vc__archive *archive, const char *name, size_t most)
{
    size_t index;
    VC_TRY(vc__archive_find(found, &index, bytes, archive, name));
    if (!*found)
        return VC_OK;
    if (*bytes > most)
        return vc_fail(VC_EFORMAT, "%s: '%s' of %zu bytes, wanted at most %zu", archive->path, name,
                       *bytes, most);
    *out = vc__pool_take(pool, *bytes + 1);
    if (!*out)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu bytes", archive->path, *bytes);
    return vc__archive_read(*out, *bytes, archive, index);
}

/* Checkpoints before PyTorch 2.1 do not name their byte order; they are little endian. */
static vc_status check_byte_order(vc__pool *pool, const vc__archive *archive)
{
    unsigned char *order;
    size_t bytes;
    int found;
    VC_TRY(read_entry(&order, &bytes, &found, pool, archive, "byteorder", 64));
    if (found && (bytes != 6 || memcmp(order, "little", 6) != 0))
        return vc_fail(VC_EFORMAT, "%s: byte order '%.*s', wanted 'little'", archive->path,
                       bytes == 3 && memcmp(order, "big", 3) == 0 ? 3 : 0, (const char *)order);
    return VC_OK;
}

static vc_status read_pickle(vc__value **top, vc__pool *pool, const vc__archive *archive)
{
    unsigned char *bytes = NULL;
    size_t count = 0;
    int found;
    VC_TRY(check_byte_order(pool, archive));
    VC_TRY(read_entry(&bytes, &count, &found, pool, archive, "data.pkl", VC__PICKLE_MAX_BYTES));
    return vc__pickle_read(top, pool, archive->path, bytes, count);
}

/* Finds the dict of tensors: the value of the first of these names that the checkpoint has, else
 * the checkpoint itself. */
static vc_status state_dict(const vc__value **out, const vc__value *top, const char *path)
{
    static const char *const keys[] = {"model", "state_dict", "model_state_dict", "model_ema"};
    if (top->kind != VC__DICT)
        return vc_fail(VC_EFORMAT, "%s: holds %s, wanted a state dict", path,
                       vc__kind_name(top->kind));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        *out = vc__dict_find(top, keys[i]);
        if (*out && (*out)->kind == VC__DICT)
            return VC_OK;
    }
    *out = top;
    for (size_t i = 0; i < top->count; i += 2)
        if (top->items[i + 1]->kind == VC__TENSOR || top->items[i + 1]->kind == VC__NONE)
            return VC_OK;
    return vc_fail(
        VC_EFORMAT,
        "%s: a dict without tensors, wanted a state dict or one under '%s', '%s', '%s' or "
        "'%s'",
        path, keys[0], keys[1], keys[2], keys[3]);
}

static vc_status read_tensors(vc_tensor_file *out, vc__pth_backing *backing,
                              const vc__archive *archive)
{
    vc__value *top;
    const vc__value *dict = NULL;
    vc__pool pool = {0};
    vc_status status = read_pickle(&top, &pool, archive);
    if (status == VC_OK)
        status = state_dict(&dict, top, out->path);
    if (status == VC_OK)
        status = vc__pth_tensors(out, backing, archive, dict);
    vc__pool_close(&pool);
    return status == VC_OK ? vc__tensor_file_finish(out) : status;
}

static vc_status open_file(vc_tensor_file *out, vc__pth_backing *backing)
{
    vc_mapped_file file;
    vc__archive archive;
    VC_TRY(vc_file_map(&file, out->path));
    vc_status status = refuse_old(out->path, &file);
    if (status == VC_OK)
        status = vc__archive_open(&archive, out->path, &file);
    if (status == VC_OK) {
        status = read_tensors(out, backing, &archive);
        vc__archive_close(&archive);
    }
    vc_file_unmap(&file);
    return status;
}

vc_status vc_pth_open(vc_tensor_file **out, const char *path)
{
    *out = NULL;
    vc__pth_backing *backing = calloc(1, sizeof *backing);
    if (!backing)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    VC_TRY(vc__tensor_file_begin(out, path, backing, vc__pth_backing_close));
    vc_status status = open_file(*out, backing);
    if (status != VC_OK) {
        vc_tensor_file_close(*out);
        *out = NULL;
    }
    return status;
}
