#include <stdlib.h>
#include <string.h>

#include "vitcod/file.h"
#include "vitcod/group_files.h"
#include "vitcod/mask.h"

static const char prefix[] = "mask";

vc_status vc_mask_set_open(vc_mask_set *out, size_t count)
{
    *out = (vc_mask_set){.count = count};
    out->masks = calloc(count, sizeof *out->masks);
    out->names = calloc(count, sizeof *out->names);
    if (out->masks && out->names)
        return VC_OK;
    vc_mask_set_close(out);
    return vc_fail(VC_ENOMEM, "out of memory for %zu masks", count);
}

void vc_mask_set_close(vc_mask_set *set)
{
    for (size_t i = 0; set->masks && i < set->count; i++)
        vc_mask_close(&set->masks[i]);
    free(set->masks);
    free(set->names);
    *set = (vc_mask_set){0};
}

vc_status vc_mask_set_read(vc_mask_set *out, const char *path)
{
    vc_group_files files;
    *out = (vc_mask_set){0};
    VC_TRY(vc_group_files_find(&files, path, prefix));
    vc_status status = vc_mask_set_open(out, files.count);
    for (size_t i = 0; status == VC_OK && i < files.count; i++) {
        memcpy(out->names[i].text, files.files[i].name, sizeof out->names[i].text);
        const vc_group_file *file = &files.files[i];
        status =
            vc_mask_read_member(&out->masks[i], file->path, file->member[0] ? file->member : NULL);
    }
    vc_group_files_close(&files);
    if (status != VC_OK)
        vc_mask_set_close(out);
    return status;
}

vc_status vc_mask_set_write(const char *path, const vc_mask_set *set)
{
    if (set->count > 0 && set->names[0].text[0])
        VC_TRY(vc_directory_make(path));
    for (size_t i = 0; i < set->count; i++) {
        char file[VC_GROUP_PATH];
        VC_TRY(vc_group_file_name(file, path, prefix, set->names[i].text));
        VC_TRY(vc_mask_write(file, &set->masks[i]));
    }
    return VC_OK;
}
