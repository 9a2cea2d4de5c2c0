#include "vitcod/pth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pth_archive_impl.h"
#include "pth_impl.h"
#include "pth_legacy_impl.h"
#include "pth_places_impl.h"
#include "pth_tensors_impl.h"

enum { TAR_MAGIC_AT = 257 };

/* PyTorch's format before 0.1.10 was a tar archive. */
static int is_tar(const vc_mapped_file *file)
{
    return file->bytes >= TAR_MAGIC_AT + 5 && memcmp(file->data + TAR_MAGIC_AT, "ustar", 5) == 0;
}

int vc__pth_begins(const vc_mapped_file *file)
{
    const unsigned char *b = file->data;
    int zip = file->bytes >= 4 && (memcmp(b, "PK\3\4", 4) == 0 || memcmp(b, "PK\5\6", 4) == 0);
    return zip || vc__legacy_begins(file) || is_tar(file);
}

static vc_status refuse_tar(const char *path, const vc_mapped_file *file)
{
    if (!is_tar(file))
        return VC_OK;
    return vc_fail(VC_EFORMAT,
                   "%s: is a tar file, perhaps a PyTorch checkpoint from before 0.1.10: load it "
                   "with torch.load and save it again with torch.save",
                   path);
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

static vc_status read_pickle(vc__pickle *out, vc__pool *pool, const vc__archive *archive)
{
    unsigned char *bytes = NULL;
    size_t count = 0;
    int found;
    VC_TRY(check_byte_order(pool, archive));
    VC_TRY(read_entry(&bytes, &count, &found, pool, archive, "data.pkl", VC__PICKLE_MAX_BYTES));
    return vc__pickle_read(out, pool, archive->path, bytes, count, 0);
}

static const vc__value *text_under(const vc__value *of, const char *key)
{
    const int has = of && (of->kind == VC__DICT || of->kind == VC__OBJECT);
    const vc__value *value = has ? vc__dict_find(of, key) : NULL;
    return value && value->kind == VC__TEXT ? value : NULL;
}

/* What the checkpoint calls its model, where it does: timm's 'arch', DeiT's args.model. */
static vc_status take_arch(vc_tensor_file *out, vc__pth_backing *backing, const vc__value *top)
{
    enum { LONGEST = 100 };
    const vc__value *arch = text_under(top, "arch");
    if (!arch)
        arch = text_under(vc__dict_find(top, "args"), "model");
    if (!arch || arch->count > LONGEST)
        return VC_OK;
    char *copy = vc__pool_take(&backing->pool, arch->count + 1);
    if (!copy)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    memcpy(copy, arch->text, arch->count + 1);
    out->metadata[out->metadata_count++] = (vc_metadata){"arch", copy};
    return VC_OK;
}

static vc_status read_tensors(vc_tensor_file *out, vc__pth_backing *backing,
                              const vc__stores *stores, const vc__pickle *pickle,
                              vc_weights_kind kind)
{
    const vc__value *dict = NULL;
    VC_TRY(vc__pth_place(&dict, out, pickle->top, kind));
    VC_TRY(vc__pth_tensors(out, backing, stores, dict));
    VC_TRY(take_arch(out, backing, pickle->top));
    return vc__tensor_file_finish(out);
}

static vc_status read_zip(vc_tensor_file *out, vc__pth_backing *backing, vc__pool *pool,
                          const vc_mapped_file *file, vc_weights_kind kind)
{
    vc__archive archive;
    vc__pickle pickle;
    VC_TRY(vc__archive_open(&archive, out->path, file));
    const vc__stores stores = vc__archive_stores(&archive);
    vc_status status = read_pickle(&pickle, pool, &archive);
    if (status == VC_OK)
        status = read_tensors(out, backing, &stores, &pickle, kind);
    vc__archive_close(&archive);
    return status;
}

static vc_status read_legacy(vc_tensor_file *out, vc__pth_backing *backing, vc__pool *pool,
                             const vc_mapped_file *file, vc_weights_kind kind)
{
    vc__legacy legacy;
    vc__pickle pickle;
    VC_TRY(vc__legacy_open(&legacy, &pickle, pool, out->path, file));
    const vc__stores stores = vc__legacy_stores(&legacy, out->path);
    return read_tensors(out, backing, &stores, &pickle, kind);
}

static vc_status open_file(vc_tensor_file *out, vc__pth_backing *backing, vc_weights_kind kind)
{
    vc_mapped_file file;
    vc__pool pool = {0};
    VC_TRY(vc_file_map(&file, out->path));
    vc_status status = refuse_tar(out->path, &file);
    if (status == VC_OK)
        status =
            (vc__legacy_begins(&file) ? read_legacy : read_zip)(out, backing, &pool, &file, kind);
    vc__pool_close(&pool);
    vc_file_unmap(&file);
    return status;
}

vc_status vc_pth_open(vc_tensor_file **out, const char *path, vc_weights_kind kind)
{
    *out = NULL;
    vc__pth_backing *backing = calloc(1, sizeof *backing);
    if (!backing)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    VC_TRY(vc__tensor_file_begin(out, path, backing, vc__pth_backing_close));
    vc_status status = open_file(*out, backing, kind);
    if (status != VC_OK) {
        vc_tensor_file_close(*out);
        *out = NULL;
    }
    return status;
}
