#include "vitcod/file_kind.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "file_kind_impl.h"

#define IMAGE "classify takes it behind the model"
#define MAGIC(text) text, sizeof(text) - 1

static const struct {
    size_t at; /* where the bytes stand */
    const char *bytes;
    size_t count;
    const char *what, *remedy;
} kinds[] = {
    {0, MAGIC("version https://git-lfs"), "a git-lfs pointer",
     "`git lfs pull` fetches the file that it stands for"},
    {0, MAGIC("\x93NUMPY"), "an npy array", ""},
    {0, MAGIC("PK\3\4"), "a zip archive", "--data takes one of images"},
    {0, MAGIC("\x1f\x8b"), "compressed with gzip", "unpack it"},
    {0, MAGIC("BZh"), "compressed with bzip2", "unpack it"},
    {0,
     MAGIC("\xfd"
           "7zXZ"),
     "compressed with xz", "unpack it"},
    {0, MAGIC("\x28\xb5\x2f\xfd"), "compressed with zstd", "unpack it"},
    {0, MAGIC("7z\xbc\xaf\x27\x1c"), "a 7z archive", "unpack it"},
    {0, MAGIC("Rar!\x1a"), "a rar archive", "unpack it"},
    {257, MAGIC("ustar"), "a tar archive", "--data takes one of images"},
    {0, MAGIC("\xff\xd8\xff"), "a JPEG image", IMAGE},
    {0, MAGIC("\x89PNG\r\n\x1a\n"), "a PNG image", IMAGE},
    {0, MAGIC("GIF8"), "a GIF image", IMAGE},
    {0, MAGIC("II*\0"), "a TIFF image", IMAGE},
    {0, MAGIC("MM\0*"), "a TIFF image", IMAGE},
    {8, MAGIC("WEBPVP8"), "a WebP image", IMAGE},
    {4, MAGIC("ftypavif"), "an AVIF image", ""},
    {4, MAGIC("ftyphe"), "a HEIC image", ""},
    {4, MAGIC("ftypmif"), "a HEIC image", ""},
    {4, MAGIC("jP  "), "a JPEG 2000 image", ""},
    {0, MAGIC("\xff\x0a"), "a JPEG XL image", ""},
    {4, MAGIC("JXL "), "a JPEG XL image", ""},
    {0, MAGIC("8BPS"), "a Photoshop image", ""},
    {0, MAGIC("P5\n"), "a portable grey map", IMAGE},
    {0, MAGIC("P6\n"), "a portable pixel map", IMAGE},
    {0, MAGIC("%PDF-"), "a PDF document", ""},
    {0, MAGIC("\x89HDF\r\n\x1a\n"), "an HDF5 file, as Keras and TensorFlow write them",
     "save the model's weights with PyTorch"},
    {4, MAGIC("TFL3"), "a TensorFlow Lite model", "save the model's weights with PyTorch"},
    {0, MAGIC("GGUF"), "a GGUF file", "save the model's weights with PyTorch"},
    {0,
     MAGIC("\x7f"
           "ELF"),
     "a program", ""},
    {0, MAGIC("SQLite format 3"), "an SQLite data base", ""},
};

static int begins(const vc_mapped_file *file, size_t at, const char *bytes, size_t count)
{
    return file->bytes >= at + count && memcmp(file->data + at, bytes, count) == 0;
}

static int begins_with_word(const char *text, size_t length, const char *word)
{
    const size_t count = strlen(word);
    return length >= count && strncasecmp(text, word, count) == 0;
}

static int ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), count = strlen(end);
    return length >= count && strcmp(text + length - count, end) == 0;
}

size_t vc__file_text_length(const vc_mapped_file *file)
{
    enum { LOOKED_AT = 512 };
    const size_t length = file->bytes < LOOKED_AT ? file->bytes : LOOKED_AT;
    if (file->data[0] > '~' && !begins(file, 0, "\xef\xbb\xbf", 3))
        return 0;
    for (size_t i = 0; i < length; i++)
        if (file->data[i] == 0x7f || (file->data[i] < ' ' && !strchr("\t\n\r\f", file->data[i])) ||
            file->data[i] == 0)
            return 0;
    return length;
}

static vc_status refuse_text(const char *path, const char *text, size_t length, const char *wanted)
{
    enum { SHOWN = 30 };
    char shown[SHOWN + 1];
    size_t used = 0;
    while (length > 0 && isspace((unsigned char)*text))
        text++, length--;
    if (begins_with_word(text, length, "<!doctype html") || begins_with_word(text, length, "<html"))
        return vc_fail(VC_EFORMAT, "%s: is an HTML page, perhaps of a failed download, wanted %s",
                       path, wanted);
    if (begins_with_word(text, length, "<?xml"))
        return vc_fail(VC_EFORMAT, "%s: is XML, wanted %s", path, wanted);
    if (length > 0 && (*text == '{' || *text == '['))
        return vc_fail(VC_EFORMAT, "%s: is JSON, wanted %s", path, wanted);
    if (ends_in(path, ".yaml") || ends_in(path, ".yml"))
        return vc_fail(VC_EFORMAT,
                       "%s: is YAML, wanted %s; --chip, --memory, --config and sweep take it", path,
                       wanted);
    for (; used < SHOWN && used < length && text[used] >= ' ' && text[used] <= '~'; used++)
        shown[used] = text[used];
    shown[used] = '\0';
    return vc_fail(VC_EFORMAT, "%s: is text that begins '%s', wanted %s", path, shown, wanted);
}

/* Protobuf has no magic: a version of up to 31, then who made it or the graph. */
static int is_onnx(const vc_mapped_file *file)
{
    const unsigned char *d = file->data;
    return file->bytes > 2 && d[0] == 0x08 && d[1] > 0 && d[1] < 32 &&
           (d[2] == 0x12 || d[2] == 0x3a);
}

/* ---- vitcod's own */

static const struct {
    const char *what, *taken;
} own[] = {[VC_FILE_OTHER] = {"", ""},
#define OWN(name, what, taken) [VC_FILE_##name] = {what, taken},
           VC_FILE_KIND_MAP(OWN)
#undef OWN
};

const char *vc__file_kind_what(vc_file_kind kind)
{
    return own[kind].what;
}

static vc_status refuse_own(const char *path, const vc_mapped_file *file, const char *wanted)
{
    char shape[VC_SHAPE_TEXT];
    vc_tensor array;
    const vc_file_kind kind = vc__file_own(&array, file);
    const char *taken = own[kind].taken;
    if (kind == VC_FILE_OTHER)
        return VC_OK;
    if (array.rank > 0)
        return vc_fail(VC_EFORMAT, "%s: is %s, %s %s, wanted %s%s%s", path, own[kind].what,
                       vc_dtype_name(array.dtype), vc_shape_text(shape, array.rank, array.shape),
                       wanted, taken[0] ? "; " : "", taken);
    return vc_fail(VC_EFORMAT, "%s: is %s, wanted %s%s%s", path, own[kind].what, wanted,
                   taken[0] ? "; " : "", taken);
}

/* ---- */

vc_status vc_file_refuse_known(const char *path, const vc_mapped_file *file, const char *wanted)
{
    if (file->bytes == 0)
        return VC_OK;
    VC_TRY(refuse_own(path, file, wanted));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(file, kinds[i].at, kinds[i].bytes, kinds[i].count))
            return vc_fail(VC_EFORMAT, "%s: is %s, wanted %s%s%s", path, kinds[i].what, wanted,
                           kinds[i].remedy[0] ? "; " : "", kinds[i].remedy);
    if (file->bytes > 2 && file->data[0] == 0x80 && file->data[1] >= 2 && file->data[1] <= 5 &&
        file->data[file->bytes - 1] == '.')
        return vc_fail(VC_EFORMAT,
                       "%s: is a Python pickle that torch.save did not write, wanted %s; load it "
                       "in Python and torch.save its state dict",
                       path, wanted);
    if (is_onnx(file))
        return vc_fail(VC_EFORMAT,
                       "%s: is an ONNX model, wanted %s; give the checkpoint that it was made of",
                       path, wanted);
    const size_t length = vc__file_text_length(file);
    return length > 0 ? refuse_text(path, (const char *)file->data, length, wanted) : VC_OK;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

vc_status vc_file_refuse_folder(const char *path, const char *wanted)
{
    enum { SHOWN = 3 };
    struct stat info;
    struct dirent **entries;
    char names[SHOWN * 64] = "";
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return VC_OK;
    const int count = scandir(path, &entries, is_shown, alphasort);
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(names);
        if (i < SHOWN)
            snprintf(names + used, sizeof names - used, "%s%.60s", i ? ", " : "",
                     entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return vc_fail(VC_EFORMAT, "%s: is a folder (%s%s), wanted %s", path,
                   count > 0 ? names : "empty", count > SHOWN ? ", .." : "", wanted);
}

vc_status vc_file_refuse_path(const char *path, const char *wanted)
{
    vc_mapped_file file;
    VC_TRY(vc_file_refuse_folder(path, wanted));
    if (vc_file_map(&file, path) != VC_OK)
        return VC_OK;
    const vc_status status = vc_file_refuse_known(path, &file, wanted);
    vc_file_unmap(&file);
    return status;
}
