#include "vitcod/npy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npy_impl.h"
#include "vitcod/file_kind.h"

static const char *const descriptors[] = {
#define VC_DTYPE_DESCR(name, bytes, safetensors, npy) [VC_##name] = npy,
    VC_DTYPE_MAP(VC_DTYPE_DESCR)
#undef VC_DTYPE_DESCR
};

static vc_status take_values(vc_npy *npy, const unsigned char *bytes, size_t length,
                             const char *path)
{
    vc__npy_layout layout;
    VC_TRY(vc__npy_parse(&layout, bytes, length, path));
    npy->tensor = layout.tensor;
    npy->tensor.data = (void *)(bytes + layout.first);
    if (vc__npy_as_it_is(&layout, bytes))
        return VC_OK;
    const vc_status status = vc__npy_convert(&npy->values, &layout, bytes, path);
    npy->tensor.data = npy->values;
    return status;
}

static vc_status open_archive(vc_npy *npy, const char *path, const char *member)
{
    size_t length;
    VC_TRY(vc__npz_read(&npy->inflated, &length, &npy->file, path, member));
    return take_values(npy, npy->inflated, length, path);
}

static vc_status open_array(vc_npy *npy, const char *path)
{
    if (!vc__npy_begins(npy->file.data, npy->file.bytes) && npy->file.bytes > 0)
        VC_TRY(vc_file_refuse_known(path, &npy->file, "an npy array"));
    return take_values(npy, npy->file.data, npy->file.bytes, path);
}

int vc_npy_is(const char *path)
{
    const char *dot = strrchr(path, '.');
    vc_mapped_file file;
    if (vc_file_map(&file, path) != VC_OK)
        return 0;
    const int is = vc__npy_begins(file.data, file.bytes) ||
                   (vc__npz_is(&file) && dot && strcmp(dot, ".npz") == 0);
    vc_file_unmap(&file);
    return is;
}

vc_status vc_npy_open(vc_npy *out, const char *path)
{
    return vc_npy_open_member(out, path, NULL);
}

vc_status vc_npy_open_member(vc_npy *out, const char *path, const char *member)
{
    *out = (vc_npy){0};
    VC_TRY(vc_file_refuse_folder(path, "an npy array"));
    VC_TRY(vc_file_map(&out->file, path));
    const vc_status status =
        vc__npz_is(&out->file) ? open_archive(out, path, member) : open_array(out, path);
    if (status != VC_OK)
        vc_npy_close(out);
    return status;
}

void vc_npy_close(vc_npy *npy)
{
    vc_file_unmap(&npy->file);
    free(npy->inflated);
    free(npy->values);
    *npy = (vc_npy){0};
}

vc_status vc_npy_write(const char *path, const vc_tensor *tensor)
{
    const char *descr = descriptors[tensor->dtype];
    if (!descr)
        return vc_fail(VC_EINVAL, "%s: npy cannot hold %s", path, vc_dtype_name(tensor->dtype));
    char header[512];
    int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        descr);
    for (size_t i = 0; i < tensor->rank; i++)
        used += snprintf(header + used, sizeof header - (size_t)used, "%s%zu", i ? ", " : "",
                         tensor->shape[i]);
    if (tensor->rank == 1) /* a Python tuple of one has a comma */
        used += snprintf(header + used, sizeof header - (size_t)used, ",");
    used += snprintf(header + used, sizeof header - (size_t)used, "), }");
    /* The data starts at a multiple of 64, as NumPy writes it. */
    size_t header_bytes = ((size_t)used + 1 + 10 + 63) / 64 * 64 - 10;
    while ((size_t)used < header_bytes - 1)
        header[used++] = ' ';
    header[used] = '\n';

    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, path));
    const unsigned char prefix[10] = {0x93,
                                      'N',
                                      'U',
                                      'M',
                                      'P',
                                      'Y',
                                      1,
                                      0,
                                      header_bytes & 255,
                                      (unsigned char)(header_bytes >> 8)};
    fwrite(prefix, 1, sizeof prefix, writer.stream);
    fwrite(header, 1, header_bytes, writer.stream);
    fwrite(tensor->data, vc_dtype_bytes(tensor->dtype), vc_tensor_count(tensor), writer.stream);
    return vc_file_write_commit(&writer);
}
