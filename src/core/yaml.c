/* Files, mappings and their keys, by libfyaml. */
#include "vitcod/yaml.h"

#include <assert.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_kind_impl.h"
#include "yaml_impl.h"

enum { MOST_BYTES = 1 << 20, MOST_KEYS = 256 };

struct vc_yaml {
    char *path;
    vc_file_kind kind;
    vc_mapped_file bytes;
    struct fy_diag *diag;
    struct fy_parser *parser;
    struct fy_document *document;
};

/* ---- lines */

size_t vc__yaml_line(struct fy_node *node)
{
    while (node && !fy_node_is_scalar(node) && !fy_node_is_alias(node))
        node = fy_node_is_sequence(node) ? fy_node_sequence_get_by_index(node, 0)
                                         : fy_node_pair_key(fy_node_mapping_get_by_index(node, 0));
    struct fy_token *token = node ? fy_node_get_scalar_token(node) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? (size_t)mark->line + 1 : 0;
}

static struct fy_node_pair *pair_of(const vc_yaml_map *map, const char *key)
{
    void *at = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(map->node, &at)))
        if (strcmp(fy_node_get_scalar0(fy_node_pair_key(pair)), key) == 0)
            return pair;
    return NULL;
}

vc_status vc_yaml_fail(const vc_yaml_map *map, const char *key, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct fy_node_pair *pair = pair_of(map, key);
    const size_t line = map->item_line ? map->item_line
                        : pair         ? vc__yaml_line(fy_node_pair_key(pair))
                                       : map->line;
    return vc_fail(VC_EFORMAT, "%s:%zu: '%s%s%s' %s", map->file->path, line, map->path,
                   map->path[0] ? "." : "", key, text);
}

/* ---- opening */

static vc_status syntax_error(const vc_yaml *file)
{
    void *at = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(file->diag, &at);
    if (!e)
        return vc_fail(VC_EFORMAT, "%s:1: no value, wanted keys and values", file->path);
    return vc_fail(VC_EFORMAT, "%s:%d: no YAML: %s", file->path, e->line,
                   e->msg ? e->msg : "it cannot be parsed");
}

/* What a node has or is that values of a configuration are not; NULL: nothing. */
static const char *unwanted(struct fy_node *node, int depth)
{
    size_t length;
    if (fy_node_is_alias(node))
        return "an alias";
    if (fy_node_get_anchor(node))
        return "an anchor";
    if (fy_node_get_tag(node, &length))
        return "a tag";
    if (depth == 0)
        return "mappings in mappings beyond 8 levels";
    const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar(node, &length) : NULL;
    if (text && memchr(text, 0, length))
        return "a byte 0";
    return NULL;
}

static vc_status check_node(const vc_yaml *file, struct fy_node *node, size_t line, int depth);

static vc_status check_mapping(const vc_yaml *file, struct fy_node *node, size_t line, int depth)
{
    const char *keys[MOST_KEYS];
    size_t count = 0;
    void *at = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(node, &at))) {
        struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
        const char *text = key && fy_node_is_scalar(key) ? fy_node_get_scalar0(key) : NULL;
        if (!text)
            return vc_fail(VC_EFORMAT, "%s:%zu: a key that is no word", file->path, line);
        const size_t here = vc__yaml_line(key);
        if (!value)
            return vc_fail(VC_EFORMAT, "%s:%zu: '%s' has no value", file->path, here, text);
        VC_TRY(check_node(file, key, here, depth - 1));
        for (size_t i = 0; i < count; i++)
            if (strcmp(keys[i], text) == 0)
                return vc_fail(VC_EFORMAT, "%s:%zu: '%s' comes twice", file->path, here, text);
        if (count == MOST_KEYS)
            return vc_fail(VC_EFORMAT, "%s:%zu: '%s' is key %d of its mapping, wanted at most %d",
                           file->path, here, text, MOST_KEYS + 1, MOST_KEYS);
        keys[count++] = text;
        VC_TRY(check_node(file, value, here, depth - 1));
    }
    return VC_OK;
}

/* Refuses what libfyaml accepts but is not wanted: anchors, aliases, tags, bytes 0, depth, keys
 * that are not words, come twice or are many. */
static vc_status check_node(const vc_yaml *file, struct fy_node *node, size_t line, int depth)
{
    const char *found = unwanted(node, depth);
    if (found)
        return vc_fail(VC_EFORMAT, "%s:%zu: %s, wanted plain values", file->path,
                       vc__yaml_line(node) ? vc__yaml_line(node) : line, found);
    if (fy_node_is_mapping(node))
        return check_mapping(file, node, line, depth);
    void *at = NULL;
    struct fy_node *item;
    while (fy_node_is_sequence(node) && (item = fy_node_sequence_iterate(node, &at)))
        VC_TRY(check_node(file, item, line, depth - 1));
    return VC_OK;
}

static size_t last_line(const vc_yaml *f)
{
    size_t line = 1;
    for (size_t i = 0; i + 1 < f->bytes.bytes; i++)
        line += ((const char *)f->bytes.data)[i] == '\n';
    return line;
}

static vc_status parse(vc_yaml *f)
{
    const struct fy_diag_cfg quiet = {.level = FYET_ERROR, .module_mask = ~0u};
    f->diag = fy_diag_create(&quiet);
    if (!f->diag)
        return vc_fail(VC_ENOMEM, "out of memory");
    fy_diag_set_collect_errors(f->diag, true);
    /* libfyaml's own look for keys that come twice takes time with the square of their number */
    const struct fy_parse_cfg how = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = f->diag};
    f->parser = fy_parser_create(&how);
    if (!f->parser ||
        fy_parser_set_string(f->parser, (const char *)f->bytes.data, f->bytes.bytes) != 0)
        return vc_fail(VC_ENOMEM, "out of memory");
    f->document = fy_parse_load_document(f->parser);
    if (!f->document)
        return syntax_error(f);
    struct fy_node *root = fy_document_root(f->document);
    if (!root || !fy_node_is_mapping(root))
        return vc_fail(VC_EFORMAT, "%s:%zu: %s, wanted keys and values", f->path,
                       vc__yaml_line(root) ? vc__yaml_line(root) : 1,
                       !root                       ? "no value"
                       : fy_node_is_sequence(root) ? "a list"
                                                   : "one value");
    VC_TRY(check_node(f, root, 1, 8));
    struct fy_document *second = fy_parse_load_document(f->parser);
    if (second) {
        const struct fy_mark *mark =
            fy_document_state_start_mark(fy_document_get_document_state(second));
        const size_t line = mark && mark->line >= 0 ? (size_t)mark->line + 1 : last_line(f);
        fy_parse_document_destroy(f->parser, second);
        return vc_fail(VC_EFORMAT, "%s:%zu: another document, wanted one", f->path, line);
    }
    return fy_diag_got_error(f->diag) ? syntax_error(f) : VC_OK;
}

/* Bytes of the UTF-8 character at `at`; 0 if there is none, or one that text does not have. */
static size_t character(const unsigned char *at, size_t left)
{
    const unsigned char c = at[0];
    if (c < 0x80)
        return c >= 0x20 || c == '\n' || c == '\t' || c == '\r';
    const size_t bytes = c >= 0xc2 && c < 0xe0   ? 2
                         : c >= 0xe0 && c < 0xf0 ? 3
                         : c >= 0xf0 && c < 0xf5 ? 4
                                                 : 0;
    if (bytes > left)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return bytes;
}

static const char *wanted_of(const vc_yaml *f)
{
    return f->kind == VC_FILE_OTHER ? "YAML: keys and values" : vc__file_kind_what(f->kind);
}

static int is_one_of(unsigned char c, const char *set)
{
    return c && strchr(set, c) != NULL;
}

/* libfyaml 0.7 may not return on input that is not text, and releases a key twice if a tab and an
 * indicator follow the ':' of a key in a key ("? a: \t:"). So it only gets UTF-8 without directives
 * and without '?' where a key may start. */
static vc_status check_text(const vc_yaml *f)
{
    const unsigned char *data = f->bytes.data;
    const size_t mark = f->bytes.bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    size_t line = 1, step;
    int may_start = 1; /* a key, as there are only blanks and indicators before it on this line */
    for (size_t i = 0; i < f->bytes.bytes; i += step) {
        step = character(data + i, f->bytes.bytes - i);
        if (step == 0 && i < 8)
            VC_TRY(vc_file_refuse_known(f->path, &f->bytes, wanted_of(f)));
        if (step == 0)
            return vc_fail(VC_EFORMAT, "%s:%zu: byte 0x%02x, wanted text (UTF-8)", f->path, line,
                           data[i]);
        if (data[i] == '%' && (i == 0 || data[i - 1] == '\n' || data[i - 1] == '\r'))
            return vc_fail(VC_EFORMAT, "%s:%zu: a directive, wanted keys and values", f->path,
                           line);
        if (data[i] == '?' && may_start &&
            (i + 1 == f->bytes.bytes || is_one_of(data[i + 1], " \t\n\r")))
            return vc_fail(VC_EFORMAT, "%s:%zu: '?' in front of a key, wanted 'key: value'",
                           f->path, line);
        if (i >= mark)
            may_start = is_one_of(data[i], "\n\r") || (may_start && is_one_of(data[i], " \t-?:"));
        line += data[i] == '\n';
    }
    return VC_OK;
}

/* Any other file of vitcod's own is told by what it is, not by a key that is unknown. */
static vc_status check_kind(const vc_yaml *f)
{
    vc_tensor array;
    const vc_file_kind found = f->bytes.bytes > 0 ? vc__file_own(&array, &f->bytes) : VC_FILE_OTHER;
    if (found == VC_FILE_OTHER || found == f->kind ||
        (f->kind == VC_FILE_OTHER && vc__file_kind_is_yaml(found)))
        return VC_OK;
    return vc_file_refuse_known(f->path, &f->bytes, wanted_of(f));
}

static vc_status open_file(vc_yaml *f)
{
    VC_TRY(vc_file_refuse_folder(f->path, wanted_of(f)));
    VC_TRY(vc_file_map(&f->bytes, f->path));
    VC_TRY(check_kind(f));
    if (f->bytes.bytes > MOST_BYTES)
        return vc_fail(VC_EFORMAT, "%s: %zu bytes, wanted at most %d", f->path, f->bytes.bytes,
                       MOST_BYTES);
    if (f->bytes.bytes == 0)
        return vc_fail(VC_EFORMAT, "%s:1: empty, wanted YAML", f->path);
    VC_TRY(check_text(f));
    return parse(f);
}

vc_status vc_yaml_open(vc_yaml **out, const char *path, vc_file_kind wanted)
{
    *out = NULL;
    vc_yaml *f = calloc(1, sizeof *f);
    if (f) {
        f->path = strdup(path);
        f->kind = wanted;
    }
    const vc_status status = f && f->path ? open_file(f) : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK)
        *out = f;
    else
        vc_yaml_close(f);
    return status;
}

void vc_yaml_close(vc_yaml *f)
{
    if (!f)
        return;
    if (f->document)
        fy_parse_document_destroy(f->parser, f->document);
    if (f->parser)
        fy_parser_destroy(f->parser);
    if (f->diag)
        fy_diag_destroy(f->diag);
    vc_file_unmap(&f->bytes);
    free(f->path);
    free(f);
}

/* ---- mappings */

vc_yaml_map vc_yaml_root(const vc_yaml *file)
{
    return (vc_yaml_map){.file = file, .node = fy_document_root(file->document), .line = 1};
}

vc_yaml_map vc_yaml_sub(const vc_yaml_map *map, const char *key)
{
    struct fy_node_pair *pair = pair_of(map, key);
    vc_yaml_map sub = {.file = map->file};
    if (pair) {
        struct fy_node *value = fy_node_pair_value(pair);
        sub.node = fy_node_is_mapping(value) ? value : NULL;
        sub.line = vc__yaml_line(fy_node_pair_key(pair));
    }
    const int length =
        snprintf(sub.path, sizeof sub.path, "%s%s%s", map->path, map->path[0] ? "." : "", key);
    assert(length < (int)sizeof sub.path); /* keys come from tables */
    (void)length;
    return sub;
}

static const vc_yaml_field *find_field(const vc_yaml_field *fields, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

/* How many letters two words differ by, for suggesting the key that was meant. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    size_t row[MOST + 1], n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST)
        return MOST;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            const size_t change = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            const size_t step = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            row[j] = change < step ? change : step;
        }
    }
    return row[m];
}

static vc_status unknown_key(const vc_yaml_map *map, const char *key, const vc_yaml_field *fields,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (distance(key, fields[i].key) <= 2)
            return vc_yaml_fail(map, key, "is unknown, did you mean '%s'?", fields[i].key);
    char known[256] = "";
    size_t used = 0, i = 0;
    for (; i < count && used + strlen(fields[i].key) + 8 < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 fields[i].key);
    return vc_yaml_fail(map, key, "is unknown, wanted one of %s%s", known, i < count ? ", .." : "");
}

vc_status vc_yaml_read(void *out, const vc_yaml_map *map, const vc_yaml_field *fields, size_t count)
{
    void *at = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(map->node, &at))) {
        const char *key = fy_node_get_scalar0(fy_node_pair_key(pair));
        const vc_yaml_field *field = find_field(fields, count, key);
        if (!field)
            return unknown_key(map, key, fields, count);
        void *to = out ? (char *)out + field->offset : NULL; /* maps alone have nowhere to go */
        VC_TRY(vc__yaml_value(to, map, field, fy_node_pair_value(pair)));
    }
    for (size_t i = 0; i < count; i++)
        if (!fields[i].optional && !pair_of(map, fields[i].key))
            return vc_yaml_fail(map, fields[i].key, "is missing");
    return VC_OK;
}

vc_status vc_yaml_word(int *out, const vc_yaml_map *map, const char *key, const char *const *words)
{
    const vc_yaml_field field = {.key = key, .kind = VC_YAML_WORD, .words = words};
    struct fy_node_pair *pair = pair_of(map, key);
    if (!pair)
        return vc_yaml_fail(map, key, "is missing");
    return vc__yaml_value(out, map, &field, fy_node_pair_value(pair));
}
