/* NumPy's .npz: a zip archive of npy files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "npy_impl.h"
#include "vitcod/memory_limit.h"
#include "vitcod/npy.h"

/* Deflate makes at most 1032 of one byte: what claims more is forged, and no array is this long. */
enum { MOST_INFLATED = 1100, MORE = 4096 };
static const uint64_t most_bytes = (uint64_t)4 << 30;

int vc__npz_is(const vc_mapped_file *file)
{
    return file->bytes >= 4 && memcmp(file->data, "PK\3\4", 4) == 0;
}

static vc_status open_zip(zip_t **out, const vc_mapped_file *file, const char *path)
{
    zip_error_t error;
    vc_status status = VC_OK;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(file->data, file->bytes, 0, &error);
    *out = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : NULL;
    if (!*out) {
        status = vc_fail(VC_EFORMAT, "%s: not a sound npz archive: %s", path,
                         zip_error_strerror(&error));
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return status;
}

/* Names are those of the file: what cannot be printed is left out. */
static void list_names(char *out, size_t room, zip_t *zip)
{
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    size_t used = 0;
    for (zip_int64_t i = 0; i < count && used + 40 < room; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        used += (size_t)snprintf(out + used, room - used, "%s", i ? ", " : "");
        for (size_t k = 0; name && name[k] && k < 32; k++)
            if (name[k] >= ' ' && name[k] < 0x7f)
                out[used++] = name[k];
        out[used] = '\0';
    }
}

static vc_status check_entry(zip_stat_t *stat, zip_t *zip, zip_uint64_t index,
                             const vc_mapped_file *file, const char *path)
{
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(zip, index, 0, stat) != 0 || (stat->valid & needed) != needed)
        return vc_fail(VC_EFORMAT, "%s: the npz archive's entry lacks its sizes", path);
    if (stat->encryption_method != ZIP_EM_NONE ||
        (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE))
        return vc_fail(VC_EFORMAT, "%s: the npz archive's entry is neither stored nor deflated",
                       path);
    if (stat->size < 12 || stat->comp_size > file->bytes ||
        stat->size / MOST_INFLATED > stat->comp_size + MORE)
        return vc_fail(VC_EFORMAT, "%s: an array of %llu bytes from %llu in a file of %zu", path,
                       (unsigned long long)stat->size, (unsigned long long)stat->comp_size,
                       file->bytes);
    if (stat->size > most_bytes)
        return vc_fail(VC_EUNSUPPORTED, "%s: an array of %llu bytes, wanted at most %llu", path,
                       (unsigned long long)stat->size, (unsigned long long)most_bytes);
    return VC_OK;
}

/* Looks at the start first, so that nothing else is inflated. */
static vc_status inflate_entry(unsigned char **room, size_t length, zip_file_t *entry,
                               const char *path)
{
    enum { START = 6 };
    unsigned char start[START];
    if (zip_fread(entry, start, START) != START || memcmp(start, "\x93NUMPY", START) != 0)
        return vc_fail(VC_EFORMAT, "%s: the entry of the zip archive is no npy file", path);
    *room = vc_memory_take(length + 1, 1, path);
    if (!*room)
        return VC_ENOMEM;
    memcpy(*room, start, START);
    /* One byte more than it claims, so that the end and its checksum are seen. */
    const zip_int64_t have = zip_fread(entry, *room + START, length + 1 - START);
    if (have < 0 || (size_t)have != length - START)
        return vc_fail(VC_EFORMAT, "%s: the npz archive's array cannot be inflated", path);
    return VC_OK;
}

static vc_status read_entry(unsigned char **room, size_t *length, zip_t *zip, zip_uint64_t index,
                            const vc_mapped_file *file, const char *path)
{
    zip_stat_t stat;
    VC_TRY(check_entry(&stat, zip, index, file, path));
    *length = (size_t)stat.size;
    zip_file_t *entry = zip_fopen_index(zip, index, 0);
    const vc_status status =
        entry ? inflate_entry(room, *length, entry, path)
              : vc_fail(VC_EFORMAT, "%s: the npz archive's entry cannot be opened", path);
    if (entry)
        zip_fclose(entry);
    return status;
}

/* The entry of an array; that of the only one without a name. */
static vc_status find_entry(zip_uint64_t *index, zip_t *zip, const char *member, const char *path)
{
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    char names[256] = "", name[VC_NPZ_NAME + 8];
    *index = 0;
    list_names(names, sizeof names, zip);
    if (!member && count == 1)
        return VC_OK;
    if (!member)
        return vc_fail(VC_EFORMAT, "%s: %lld arrays in the npz archive (%s), wanted one", path,
                       (long long)count, names);
    snprintf(name, sizeof name, "%s.npy", member);
    const zip_int64_t found = zip_name_locate(zip, name, ZIP_FL_ENC_RAW);
    if (found < 0)
        return vc_fail(VC_EFORMAT, "%s: no %s in the npz archive (%s)", path, name, names);
    *index = (zip_uint64_t)found;
    return VC_OK;
}

vc_status vc_npz_list(vc_npz_names *out, const char *path)
{
    static const char ending[] = ".npy";
    vc_mapped_file file;
    zip_t *zip;
    *out = (vc_npz_names){0};
    VC_TRY(vc_file_map(&file, path));
    vc_status status = vc__npz_is(&file) ? open_zip(&zip, &file, path) : VC_OK;
    if (status == VC_OK && vc__npz_is(&file)) {
        out->count = (size_t)zip_get_num_entries(zip, 0);
        for (size_t i = 0; i < out->count && i < VC_NPZ_NAMES; i++) {
            const char *name = zip_get_name(zip, i, ZIP_FL_ENC_RAW);
            const size_t length = name ? strlen(name) : 0;
            if (length >= sizeof ending && length < VC_NPZ_NAME &&
                strcmp(name + length - strlen(ending), ending) == 0)
                memcpy(out->names[i], name, length - strlen(ending));
        }
        zip_discard(zip);
    }
    vc_file_unmap(&file);
    return status;
}

vc_status vc__npz_read(unsigned char **room, size_t *length, const vc_mapped_file *file,
                       const char *path, const char *member)
{
    zip_t *zip;
    zip_uint64_t index;
    *room = NULL;
    VC_TRY(open_zip(&zip, file, path));
    vc_status status = find_entry(&index, zip, member, path);
    if (status == VC_OK)
        status = read_entry(room, length, zip, index, file, path);
    zip_discard(zip);
    if (status != VC_OK) {
        free(*room);
        *room = NULL;
    }
    return status;
}
