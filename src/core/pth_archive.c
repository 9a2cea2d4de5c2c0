#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "pth_archive_impl.h"

static const char pickle_name[] = "data.pkl";

static vc_status refuse_zip(const char *path, zip_error_t *error)
{
    switch (zip_error_code_zip(error)) {
    case ZIP_ER_MEMORY:
        return vc_fail(VC_ENOMEM, "%s: out of memory for the zip archive", path);
    case ZIP_ER_EXISTS:
        return vc_fail(VC_EFORMAT, "%s: two entries of the zip archive have one name", path);
    case ZIP_ER_NOZIP:
        return vc_fail(VC_EFORMAT, "%s: not a sound zip archive: it lacks its end; cut off?", path);
    default:
        return vc_fail(VC_EFORMAT, "%s: not a sound zip archive: %s", path,
                       zip_error_strerror(error));
    }
}

static vc_status open_zip(vc__archive *out, const vc_mapped_file *file)
{
    zip_error_t error;
    zip_error_init(&error);
    vc_status status = VC_OK;
    zip_source_t *source = zip_source_buffer_create(file->data, file->bytes, 0, &error);
    if (source)
        out->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    if (!out->zip) {
        status = refuse_zip(out->path, &error);
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return status;
}

static int is_printable(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < ' ' || *name == 0x7f)
            return 0;
    return 1;
}

static int leads_outside(const char *name)
{
    if (*name == '/' || strchr(name, '\\'))
        return 1;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        if (length == 2 && part[0] == '.' && part[1] == '.')
            return 1;
    }
    return 0;
}

/* Takes the archive's prefix from the name of the pickle's entry. Other entries may have any
 * name. */
static vc_status take_name(vc__archive *out, const char *name, size_t index)
{
    if (!name || !is_printable(name))
        return vc_fail(VC_EFORMAT, "%s: zip entry %zu has no printable name", out->path, index);
    if (leads_outside(name))
        return vc_fail(VC_EFORMAT, "%s: zip entry '%s' leads outside of the archive", out->path,
                       name);
    const char *slash = strchr(name, '/');
    if (!slash || slash == name || strcmp(slash + 1, pickle_name) != 0)
        return VC_OK;
    if (out->prefix)
        return vc_fail(VC_EFORMAT, "%s: two pickles, '%s/%s' and '%s', wanted one", out->path,
                       out->prefix, pickle_name, name);
    out->prefix = strndup(name, (size_t)(slash - name));
    if (!out->prefix)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    return VC_OK;
}

static vc_status open_archive(vc__archive *out, const vc_mapped_file *file)
{
    VC_TRY(open_zip(out, file));
    zip_int64_t count = zip_get_num_entries(out->zip, 0);
    out->count = count > 0 ? (size_t)count : 0;
    for (size_t i = 0; i < out->count; i++)
        VC_TRY(take_name(out, zip_get_name(out->zip, i, ZIP_FL_ENC_RAW), i));
    if (!out->prefix && vc__archive_has(out, ".npy"))
        return vc_fail(VC_EFORMAT, "%s: is an npz archive of arrays, wanted a PyTorch checkpoint",
                       out->path);
    if (!out->prefix)
        return vc_fail(VC_EFORMAT,
                       "%s: a zip archive without '<name>/%s', wanted a PyTorch checkpoint",
                       out->path, pickle_name);
    if (vc__archive_has(out, "/constants.pkl"))
        return vc_fail(VC_EFORMAT,
                       "%s: is a TorchScript program, of which nothing is executed; wanted its "
                       "weights alone: in Python "
                       "torch.save(torch.jit.load('...').state_dict(), ...)",
                       out->path);
    return VC_OK;
}

vc_status vc__archive_open(vc__archive *out, const char *path, const vc_mapped_file *file)
{
    *out = (vc__archive){.path = path, .file_bytes = file->bytes};
    vc_status status = open_archive(out, file);
    if (status != VC_OK)
        vc__archive_close(out);
    return status;
}

void vc__archive_close(vc__archive *archive)
{
    if (archive->zip)
        zip_discard(archive->zip);
    free(archive->prefix);
    *archive = (vc__archive){0};
}

static vc_status check_stat(const vc__archive *archive, const char *name, const zip_stat_t *stat)
{
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((stat->valid & needed) != needed)
        return vc_fail(VC_EFORMAT, "%s: zip entry '%s' lacks its sizes", archive->path, name);
    if (stat->encryption_method != ZIP_EM_NONE)
        return vc_fail(VC_EFORMAT, "%s: zip entry '%s' is encrypted", archive->path, name);
    int stored = stat->comp_method == ZIP_CM_STORE;
    if (stat->comp_size > archive->file_bytes || stat->size > PTRDIFF_MAX ||
        (stored && stat->comp_size != stat->size))
        return vc_fail(VC_EFORMAT,
                       "%s: zip entry '%s' claims %llu bytes from %llu in a file of %zu",
                       archive->path, name, (unsigned long long)stat->size,
                       (unsigned long long)stat->comp_size, archive->file_bytes);
    return VC_OK;
}

vc_status vc__archive_find(int *found, size_t *index, size_t *bytes, const vc__archive *archive,
                           const char *name)
{
    size_t room = strlen(archive->prefix) + strlen(name) + 2;
    char *full = malloc(room);
    if (!full)
        return vc_fail(VC_ENOMEM, "%s: out of memory", archive->path);
    strcat(strcat(strcpy(full, archive->prefix), "/"), name);
    zip_stat_t stat;
    zip_int64_t at = zip_name_locate(archive->zip, full, ZIP_FL_ENC_RAW);
    vc_status status = VC_OK;
    *found = at >= 0;
    if (at >= 0 && zip_stat_index(archive->zip, (zip_uint64_t)at, 0, &stat) != 0)
        status = refuse_zip(archive->path, zip_get_error(archive->zip));
    else if (at >= 0)
        status = check_stat(archive, full, &stat);
    if (at >= 0 && status == VC_OK) {
        *index = (size_t)at;
        *bytes = (size_t)stat.size;
    }
    free(full);
    return status;
}

static vc_status find_storage(int *found, size_t *index, size_t *bytes, const vc__stores *stores,
                              const char *key)
{
    static const char folder[] = "data/";
    char *entry = malloc(sizeof folder + strlen(key));
    if (!entry)
        return vc_fail(VC_ENOMEM, "%s: out of memory", stores->path);
    strcat(strcpy(entry, folder), key);
    const vc_status status = vc__archive_find(found, index, bytes, stores->context, entry);
    free(entry);
    return status;
}

static vc_status read_storage(void *out, size_t bytes, const vc__stores *stores, size_t index)
{
    return vc__archive_read(out, bytes, stores->context, index);
}

vc__stores vc__archive_stores(const vc__archive *archive)
{
    return (vc__stores){archive->path, archive->file_bytes, archive->count,
                        archive,       find_storage,        read_storage};
}

int vc__archive_has(const vc__archive *archive, const char *ending)
{
    const size_t tail = strlen(ending);
    for (size_t i = 0; i < archive->count; i++) {
        const char *name = zip_get_name(archive->zip, i, ZIP_FL_ENC_RAW);
        const size_t length = name ? strlen(name) : 0;
        if (length >= tail && strcmp(name + length - tail, ending) == 0)
            return 1;
    }
    return 0;
}

static vc_status read_all(unsigned char *out, size_t bytes, const vc__archive *archive,
                          zip_file_t *entry, const char *name)
{
    size_t have = 0;
    while (have < bytes) {
        zip_int64_t got = zip_fread(entry, out + have, bytes - have);
        if (got < 0)
            return vc_fail(VC_EFORMAT, "%s: zip entry '%s' cannot be read: %s", archive->path, name,
                           zip_error_strerror(zip_file_get_error(entry)));
        if (got == 0)
            return vc_fail(VC_EFORMAT, "%s: zip entry '%s' has %zu bytes, wanted %zu",
                           archive->path, name, have, bytes);
        have += (size_t)got;
    }
    /* libzip verifies the checksum when a read reaches the end. */
    unsigned char more;
    zip_int64_t got = zip_fread(entry, &more, 1);
    if (got > 0)
        return vc_fail(VC_EFORMAT, "%s: zip entry '%s' has more than the %zu bytes it claims",
                       archive->path, name, bytes);
    if (got < 0)
        return vc_fail(VC_EFORMAT, "%s: zip entry '%s' is damaged: %s", archive->path, name,
                       zip_error_strerror(zip_file_get_error(entry)));
    return VC_OK;
}

vc_status vc__archive_read(void *out, size_t bytes, const vc__archive *archive, size_t index)
{
    const char *name = zip_get_name(archive->zip, index, ZIP_FL_ENC_RAW);
    zip_file_t *entry = zip_fopen_index(archive->zip, index, 0);
    if (!entry)
        return vc_fail(VC_EFORMAT, "%s: zip entry '%s' cannot be read: %s", archive->path, name,
                       zip_error_strerror(zip_get_error(archive->zip)));
    vc_status status = read_all(out, bytes, archive, entry, name);
    zip_fclose(entry);
    return status;
}
