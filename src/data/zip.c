#include "zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "tar_header.h"

enum {
    DEFLATE_MOST = 1032, /* bytes that a byte of deflate can become */
    FILE_TYPE = 0170000,
    SYMBOLIC_LINK = 0120000
};

struct vc__zip {
    zip_t *archive;
    char *path;
    zip_uint64_t next, count, bytes; /* bytes: of the file */
};

int vc__zip_begins(const char *path)
{
    char start[4] = {0};
    FILE *file = fopen(path, "rbe");
    const size_t count = file ? fread(start, 1, sizeof start, file) : 0;
    if (file)
        fclose(file);
    return count == 4 && (memcmp(start, "PK\3\4", 4) == 0 || memcmp(start, "PK\5\6", 4) == 0);
}

static vc_status open_archive(vc__zip *z)
{
    int code = 0;
    struct stat info;
    z->bytes = stat(z->path, &info) == 0 ? (zip_uint64_t)info.st_size : 0;
    z->archive = zip_open(z->path, ZIP_RDONLY, &code);
    if (z->archive) {
        z->count = (zip_uint64_t)zip_get_num_entries(z->archive, 0);
        return VC_OK;
    }
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const vc_status status =
        vc_fail(code == ZIP_ER_MEMORY ? VC_ENOMEM : VC_EFORMAT, "%s: damaged zip archive: %s",
                z->path, zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
}

vc_status vc__zip_open(vc__zip **out, const char *path)
{
    vc__zip *z = calloc(1, sizeof *z);
    *out = NULL;
    if (!z || !(z->path = strdup(path))) {
        free(z);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    const vc_status status = open_archive(z);
    if (status == VC_OK)
        *out = z;
    else
        vc__zip_close(z);
    return status;
}

void vc__zip_close(vc__zip *z)
{
    if (!z)
        return;
    if (z->archive)
        zip_discard(z->archive);
    free(z->path);
    free(z);
}

static vc__tar_kind kind_of(const vc__zip *z, const zip_stat_t *about)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    zip_file_get_external_attributes(z->archive, about->index, 0, &system, &attributes);
    const size_t length = strlen(about->name);
    if (length > 0 && about->name[length - 1] == '/')
        return VC__TAR_FOLDER;
    if (system == ZIP_OPSYS_UNIX && (attributes >> 16 & FILE_TYPE) == SYMBOLIC_LINK)
        return VC__TAR_OTHER;
    return VC__TAR_FILE;
}

static vc_status check_entry(const vc__zip *z, const zip_stat_t *about)
{
    if (about->encryption_method != ZIP_EM_NONE)
        return vc_fail(VC_EUNSUPPORTED, "%s:%s: is encrypted", z->path, about->name);
    if (about->comp_method != ZIP_CM_STORE && about->comp_method != ZIP_CM_DEFLATE)
        return vc_fail(VC_EUNSUPPORTED, "%s:%s: compression %u, wanted none (0) or deflate (8)",
                       z->path, about->name, about->comp_method);
    if (about->comp_size > z->bytes || about->size / DEFLATE_MOST > about->comp_size)
        return vc_fail(VC_EFORMAT, "%s:%s: names %llu bytes, packed into %llu", z->path,
                       about->name, (unsigned long long)about->size,
                       (unsigned long long)about->comp_size);
    return VC_OK;
}

vc_status vc__zip_next(vc__tar_entry *out, vc__zip *z)
{
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    zip_stat_t about;
    out->kind = VC__TAR_END;
    if (z->next == z->count)
        return VC_OK;
    if (zip_stat_index(z->archive, z->next, ZIP_FL_ENC_RAW, &about) != 0 ||
        (about.valid & wanted) != wanted)
        return vc_fail(VC_EFORMAT, "%s: damaged zip archive: entry %llu: %s", z->path,
                       (unsigned long long)z->next, zip_strerror(z->archive));
    out->name[0] = '\0';
    if (!vc__tar_join(out->name, about.name, strlen(about.name)))
        return vc_fail(VC_EFORMAT, "%s: a name is longer than %d bytes", z->path, VC__TAR_NAME);
    if (vc__tar_climbs(out->name))
        return vc_fail(VC_EFORMAT, "%s: '%s' climbs out of the archive", z->path, out->name);
    out->kind = kind_of(z, &about);
    out->offset = z->next++;
    out->bytes = about.size;
    return out->kind == VC__TAR_FILE ? check_entry(z, &about) : VC_OK;
}

vc_status vc__zip_read(void *out, vc__zip *z, uint64_t entry, size_t bytes)
{
    char beyond;
    size_t have = 0;
    zip_file_t *file = zip_fopen_index(z->archive, entry, 0);
    if (!file)
        return vc_fail(VC_EFORMAT, "%s: entry %llu: %s", z->path, (unsigned long long)entry,
                       zip_strerror(z->archive));
    while (have < bytes) {
        const zip_int64_t got = zip_fread(file, (char *)out + have, bytes - have);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    /* the checksum is compared at the end */
    const int whole = have == bytes && zip_fread(file, &beyond, 1) == 0;
    const vc_status status =
        whole ? VC_OK
              : vc_fail(VC_EFORMAT, "%s: entry %llu is damaged after %zu of %zu bytes", z->path,
                        (unsigned long long)entry, have, bytes);
    zip_fclose(file);
    return status;
}
