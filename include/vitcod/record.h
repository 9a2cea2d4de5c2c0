/* Results as plain structs, and one table of rows per struct that says what its members are: name,
 * unit, meaning, place. JSON (written and read back), CSV and JSON schemas all come from it:
 *
 *     typedef struct spread { double median; uint64_t runs; } spread;
 *     static const vc_field fields[] = {
 *         {VC_FIELD(spread, median, "ms", "median of all runs")},
 *         {VC_FIELD(spread, runs, "", "runs that were measured")},
 *     };
 *     const vc_record spread_record = VC_RECORD("times", spread, fields);
 *
 * The order of the rows is the order in the output. */
#ifndef VITCOD_RECORD_H
#define VITCOD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vitcod/json.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vc_field_kind {
    VC_KIND_COUNT,   /* an unsigned integer of any size; absent: VC_NO_COUNT */
    VC_KIND_INTEGER, /* a signed integer of any size */
    VC_KIND_NUMBER,  /* double or float; absent: NAN */
    VC_KIND_FLAG,    /* bool */
    VC_KIND_TEXT,    /* const char *, of somebody else; absent: NULL */
    VC_KIND_CHARS,   /* char[]; absent: "" */
    VC_KIND_JSON,    /* json_t *, passed on as it is; absent: NULL */
    VC_KIND_RECORD,  /* another struct with a record of its own */
} vc_field_kind;

typedef enum vc_field_shape {
    VC_SHAPE_ONE,
    VC_SHAPE_INLINE,  /* a record, or a JSON object, whose members stand among the rows around it */
    VC_SHAPE_LIST,    /* a pointer to items and a size_t; absent: no items */
    VC_SHAPE_NAMED,   /* the same of records, an object: the first row of each is its key */
    VC_SHAPE_BY_WORD, /* an array as long as `words`, an object with one of them as each key */
} vc_field_shape;

typedef enum vc_field_presence {
    VC_ALWAYS,
    VC_IF_KNOWN, /* left out where the value itself says that it is absent */
    VC_IF_FLAG,  /* there where a bool of the same struct is true */
} vc_field_presence;

#define VC_NO_COUNT UINT64_MAX

typedef struct vc_field {
    /* The key. NULL in the last row of a record means that the value stands for the record, without
     * an object around it. Rows with the same name are variants, of which at most one is
     * present. */
    const char *name;
    const char *unit; /* "ms", "MAC", ..; "" for names and plain numbers */
    const char *meaning;
    vc_field_kind kind;
    vc_field_shape shape;
    vc_field_presence presence;
    size_t offset, size;            /* of the member; of lists: of the pointer, bytes of an item */
    size_t count_offset;            /* of a list's size_t */
    size_t flag_offset;             /* VC_IF_FLAG */
    const struct vc_record *record; /* VC_KIND_RECORD; of VC_KIND_JSON for the schema alone */
    const char *const *words;       /* VC_SHAPE_BY_WORD, ended by NULL */
    bool skip_zeros;                /* VC_SHAPE_BY_WORD: only what is not 0 is written */
    bool or_null;                   /* what is absent is written as null */
} vc_field;

typedef struct vc_record {
    const char *title;
    size_t size; /* of the struct */
    const vc_field *fields;
    size_t field_count;
} vc_record;

#define VC_RECORD(title, type, fields)                                                             \
    {                                                                                              \
        (title), sizeof(type), (fields), sizeof(fields) / sizeof *(fields)                         \
    }

/* The kind of a member follows from its type. */
#define VC_KIND_OF(member)                                                                         \
    _Generic((member),                                                                             \
        bool: VC_KIND_FLAG,                                                                        \
        unsigned char: VC_KIND_COUNT,                                                              \
        unsigned: VC_KIND_COUNT,                                                                   \
        unsigned long: VC_KIND_COUNT,                                                              \
        unsigned long long: VC_KIND_COUNT,                                                         \
        int: VC_KIND_INTEGER,                                                                      \
        long: VC_KIND_INTEGER,                                                                     \
        long long: VC_KIND_INTEGER,                                                                \
        float: VC_KIND_NUMBER,                                                                     \
        double: VC_KIND_NUMBER,                                                                    \
        const char *: VC_KIND_TEXT,                                                                \
        char *: VC_KIND_CHARS,                                                                     \
        json_t *: VC_KIND_JSON)

/* A row, to be put in braces. Add VC_KNOWN or VC_WHEN after it if the member may be absent, and
 * VC_OR_NULL if its key is written nevertheless. */
#define VC_FIELD_AS(type, member, key, unit_, meaning_)                                            \
    .name = (key), .unit = (unit_), .meaning = (meaning_),                                         \
    .kind = VC_KIND_OF(((type *)0)->member), .offset = offsetof(type, member),                     \
    .size = sizeof(((type *)0)->member)
#define VC_FIELD(type, member, unit_, meaning_) VC_FIELD_AS(type, member, #member, unit_, meaning_)

/* A list: `items` points to `count` numbers, flags or texts. */
#define VC_FIELD_LIST(type, items, count, key, unit_, meaning_)                                    \
    .name = (key), .unit = (unit_), .meaning = (meaning_),                                         \
    .kind = VC_KIND_OF(*((type *)0)->items), .shape = VC_SHAPE_LIST,                               \
    .offset = offsetof(type, items), .size = sizeof(*((type *)0)->items),                          \
    .count_offset = offsetof(type, count)

/* An array of numbers, with a name for each entry. */
#define VC_FIELD_BY_WORD(type, array, words_, key, unit_, meaning_)                                \
    .name = (key), .unit = (unit_), .meaning = (meaning_),                                         \
    .kind = VC_KIND_OF(*((type *)0)->array), .shape = VC_SHAPE_BY_WORD,                            \
    .offset = offsetof(type, array), .size = sizeof(*((type *)0)->array), .words = (words_)

/* A struct inside the struct, described by `record_`. */
#define VC_FIELD_RECORD(type, member, key, record_, meaning_)                                      \
    .name = (key), .unit = "", .meaning = (meaning_), .kind = VC_KIND_RECORD,                      \
    .offset = offsetof(type, member), .size = sizeof(((type *)0)->member), .record = (record_)
#define VC_FIELD_INLINE(type, member, record_)                                                     \
    VC_FIELD_RECORD(type, member, #member, record_, ""), .shape = VC_SHAPE_INLINE

/* An object of rows of the struct itself. */
#define VC_FIELD_SELF(type, key, record_, meaning_)                                                \
    .name = (key), .unit = "", .meaning = (meaning_), .kind = VC_KIND_RECORD,                      \
    .size = sizeof(type), .record = (record_)
/* More rows of the struct itself: those that are there together. */
#define VC_FIELD_WHOLE(type, record_)                                                              \
    .name = "", .unit = "", .meaning = "", .kind = VC_KIND_RECORD, .shape = VC_SHAPE_INLINE,       \
    .size = sizeof(type), .record = (record_)

/* A JSON object whose members stand among the rows around it: what a table cannot know. */
#define VC_FIELD_INLINE_JSON(type, member) VC_FIELD(type, member, "", ""), .shape = VC_SHAPE_INLINE

/* A list: `items` points to `count` structs. */
#define VC_FIELD_RECORDS(type, items, count, key, record_, meaning_)                               \
    .name = (key), .unit = "", .meaning = (meaning_), .kind = VC_KIND_RECORD,                      \
    .shape = VC_SHAPE_LIST, .offset = offsetof(type, items), .size = sizeof(*((type *)0)->items),  \
    .count_offset = offsetof(type, count), .record = (record_)
#define VC_FIELD_NAMED(type, items, count, key, record_, meaning_)                                 \
    .name = (key), .unit = "", .meaning = (meaning_), .kind = VC_KIND_RECORD,                      \
    .shape = VC_SHAPE_NAMED, .offset = offsetof(type, items), .size = sizeof(*((type *)0)->items), \
    .count_offset = offsetof(type, count), .record = (record_)

#define VC_KNOWN .presence = VC_IF_KNOWN
#define VC_OR_NULL .or_null = true
#define VC_WHEN(type, flag) .presence = VC_IF_FLAG, .flag_offset = offsetof(type, flag)

/* ---- JSON */

/* Makes a JSON object of the struct at `data`, which the caller owns. VC_ENOMEM; VC_EINVAL for a
 * number that is not finite and must not be absent. */
vc_status vc_record_json(json_t **out, const vc_record *record, const void *data);

/* Adds the rows to an existing object. */
vc_status vc_record_add(json_t *object, const vc_record *record, const void *data);

/* Reads an object back into the struct at `out`. Lists are allocated, even if this fails; release
 * them by vc_record_free. Texts and JSON values point into `value`. Rows that may be absent become
 * absent, keys without a row are ignored. VC_EFORMAT for a row that is missing, of another kind or
 * out of the range of its member; `path` is the beginning of the message. */
vc_status vc_record_read(void *out, const vc_record *record, const json_t *value, const char *path);

/* Releases the lists of a struct, and those inside their items. */
void vc_record_free(const vc_record *record, void *data);

/* ---- CSV */

/* One line per value: name, value, unit. The members of a struct inside are "name.member"; what is
 * absent has no line, lists have none either, those inside JSON included. */
void vc_record_csv_values(FILE *out, const vc_record *record, const void *data);

/* A table per list: an empty line, its name, a header (names, units in parentheses), a row per
 * struct, in which what is absent is empty; lists inside the structs are left out. A list of
 * numbers is one row without a header, a list of lists such a row for each. */
void vc_record_csv_tables(FILE *out, const vc_record *record, const void *data);

/* ---- JSON schema, draft 2020-12 */

/* A schema of an object without rows, to which vc_record_add_schema adds. The caller owns it. */
vc_status vc_record_schema(json_t **out, const char *title, const char *description);
vc_status vc_record_add_schema(json_t *schema, const vc_record *record);

#ifdef __cplusplus
}
#endif

#endif
