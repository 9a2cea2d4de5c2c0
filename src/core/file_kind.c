#include "vitcod/file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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
    {0, MAGIC("PK\3\4"), "a zip archive", ""},
    {0, MAGIC("\x1f\x8b"), "compressed with gzip", "unpack it"},
    {0, MAGIC("BZh"), "compressed with bzip2", "unpack it"},
    {0,
     MAGIC("\xfd"
           "7zXZ"),
     "compressed with xz", "unpack it"},
    {0, MAGIC("\x28\xb5\x2f\xfd"), "compressed with zstd", "unpack it"},
    {0, MAGIC("7z\xbc\xaf\x27\x1c"), "a 7z archive", "unpack it"},
    {0, MAGIC("Rar!\x1a"), "a rar archive", "unpack it"},
    {257, MAGIC("ustar"), "a tar archive", "unpack it"},
    {0, MAGIC("\xff\xd8\xff"), "a JPEG image", ""},
    {0, MAGIC("\x89PNG\r\n\x1a\n"), "a PNG image", ""},
    {0, MAGIC("GIF8"), "a GIF image", ""},
    {0, MAGIC("II*\0"), "a TIFF image", ""},
    {0, MAGIC("MM\0*"), "a TIFF image", ""},
    {8, MAGIC("WEBPVP8"), "a WebP image", ""},
    {4, MAGIC("ftypavif"), "an AVIF image", ""},
    {4, MAGIC("ftyphe"), "a HEIC image", ""},
    {4, MAGIC("ftypmif"), "a HEIC image", ""},
    {4, MAGIC("jP  "), "a JPEG 2000 image", ""},
    {0, MAGIC("\xff\x0a"), "a JPEG XL image", ""},
    {4, MAGIC("JXL "), "a JPEG XL image", ""},
    {0, MAGIC("8BPS"), "a Photoshop image", ""},
    {0, MAGIC("P5\n"), "a portable grey map", ""},
    {0, MAGIC("P6\n"), "a portable pixel map", ""},
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

/* The part of a file that is looked at, if it is text: it begins in ASCII, and goes on in that or
 * beyond it, with line ends. */
static size_t text_length(const vc_mapped_file *file)
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

vc_status vc_file_refuse_known(const char *path, const vc_mapped_file *file, const char *wanted)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(file, kinds[i].at, kinds[i].bytes, kinds[i].count))
            return vc_fail(VC_EFORMAT, "%s: is %s, wanted %s%s%s", path, kinds[i].what, wanted,
                           kinds[i].remedy[0] ? ": " : "", kinds[i].remedy);
    if (file->bytes > 2 && file->data[0] == 0x80 && file->data[1] >= 2 && file->data[1] <= 5 &&
        file->data[file->bytes - 1] == '.')
        return vc_fail(VC_EFORMAT,
                       "%s: is a Python pickle that torch.save did not write, wanted %s: load it "
                       "in Python and torch.save its state dict",
                       path, wanted);
    if (is_onnx(file))
        return vc_fail(VC_EFORMAT,
                       "%s: is an ONNX model, wanted %s: give the checkpoint that it was made of",
                       path, wanted);
    const size_t length = text_length(file);
    return length > 0 ? refuse_text(path, (const char *)file->data, length, wanted) : VC_OK;
}
