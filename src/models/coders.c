/* What architectures share about the auto-encoders of Q and K in their sizes. */
#include "model_impl.h"

void vc__set_coders(size_t out[2], size_t width, vc_coded of)
{
    out[0] = of & VC_CODED_Q ? width : 0;
    out[1] = of & VC_CODED_K ? width : 0;
}

const char *vc_coded_word(vc_coded of)
{
    static const char *const words[] = {"", "q", "k", "qk"};
    return words[of];
}

const char *vc_model_coded_word(const size_t compressed[2])
{
    return vc_coded_word(
        (vc_coded)((compressed[0] ? VC_CODED_Q : 0) + (compressed[1] ? VC_CODED_K : 0)));
}

size_t vc_model_coded_width(const size_t compressed[2])
{
    return compressed[0] ? compressed[0] : compressed[1];
}

vc_status vc__read_coders(size_t out[2], const vc_tensor_file *file, const char *const names[2],
                          size_t heads)
{
    for (size_t i = 0; i < 2; i++) {
        const vc_tensor *encoder = vc_tensor_file_find(file, names[i]);
        out[i] = 0;
        if (!encoder)
            continue;
        if (encoder->rank != 2 || encoder->shape[1] != heads || encoder->shape[0] == 0) {
            char text[VC_SHAPE_TEXT];
            return vc_fail(VC_EFORMAT, "%s: '%s' is %s, wanted (n, %zu heads)",
                           vc_tensor_file_path(file), names[i],
                           vc_shape_text(text, encoder->rank, encoder->shape), heads);
        }
        out[i] = encoder->shape[0];
    }
    return VC_OK;
}

vc_status vc__check_coders(const size_t compressed[2], size_t heads)
{
    for (size_t i = 0; i < 2; i++)
        if (compressed[i] > heads)
            return vc_fail(VC_EINVAL, "an auto-encoder to %zu of %zu heads does not compress",
                           compressed[i], heads);
    if (compressed[0] && compressed[1] && compressed[0] != compressed[1])
        return vc_fail(VC_EINVAL,
                       "auto-encoders of Q to %zu heads and of K to %zu, wanted one width",
                       compressed[0], compressed[1]);
    return VC_OK;
}
