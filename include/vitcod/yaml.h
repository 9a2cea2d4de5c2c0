/* Configuration files that people write. A table of fields says which keys a YAML mapping has; the
 * reader is strict: each key must be known, and each value must have the right kind, unit and
 * range. Messages name file, line and key. */
#ifndef VITCOD_YAML_H
#define VITCOD_YAML_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/file_kind.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_yaml vc_yaml; /* an open file */

/* A mapping within an open file. Valid as long as the file is open. */
typedef struct vc_yaml_map {
    const vc_yaml *file;
    void *node;
    size_t line;
    size_t item_line; /* of the item of a list that is being read; 0: none is */
    char path[96];    /* "", or the keys that lead to it: "buffers.query" */
} vc_yaml_map;

/* What a value measures: the units that may be written, and the one in which the value is
 * stored. */
typedef enum vc_yaml_unit {
    VC_UNIT_NONE,
    VC_UNIT_BYTES,            /* B, kB or KB, KiB, MB, MiB, GB, GiB: B */
    VC_UNIT_HERTZ,            /* Hz, kHz, MHz, GHz: Hz */
    VC_UNIT_BYTES_PER_SECOND, /* B/s, kB/s, KiB/s, .. TB/s, TiB/s, Mbit/s, Gbit/s, Tbit/s: B/s */
    VC_UNIT_SECONDS,          /* s, ms, us, ns, ps: s */
    VC_UNIT_PICOJOULES,       /* fJ, pJ, nJ, uJ: pJ */
    VC_UNIT_PJ_PER_BYTE,      /* pJ/B */
    VC_UNIT_PJ_PER_BIT,       /* pJ/bit */
    VC_UNIT_MW_PER_KIB,       /* uW/KiB, mW/KiB: mW/KiB */
    VC_UNIT_MM2,              /* um2, mm2: mm2 */
    VC_UNIT_MM2_PER_KIB,      /* um2/KiB, mm2/KiB: mm2/KiB */
    VC_UNIT_VOLTS,            /* mV, V: V */
    VC_UNIT_AMPERES,          /* uA, mA, A: A */
    VC_UNIT_COUNT
} vc_yaml_unit;

/* The unit in which a value is stored; "" for VC_UNIT_NONE. */
const char *vc_yaml_unit_name(vc_yaml_unit unit);

typedef enum vc_yaml_kind {
    VC_YAML_COUNT,   /* uint64_t: a whole number from 0; also as 0x40 and 0o100 */
    VC_YAML_NUMBER,  /* double, finite */
    VC_YAML_FLAG,    /* int: true or false, as vc_yaml_flag reads them */
    VC_YAML_TEXT,    /* char[room] */
    VC_YAML_WORD,    /* int: which of `words` */
    VC_YAML_WORDS,   /* int[room]: a sequence of as many, each which of `words` */
    VC_YAML_NUMBERS, /* vc_yaml_numbers: a number or a sequence of them */
    VC_YAML_TEXTS,   /* vc_yaml_texts: a text or a sequence of them */
    VC_YAML_MAP,     /* a mapping, for vc_yaml_sub */
    VC_YAML_NAMED    /* the same, or char[room]: the name of one */
} vc_yaml_kind;

enum { VC_YAML_MOST_LIST = 64, VC_YAML_TEXT_ROOM = 256 };

typedef struct vc_yaml_numbers {
    size_t count;
    double values[VC_YAML_MOST_LIST];
} vc_yaml_numbers;

typedef struct vc_yaml_texts {
    size_t count;
    char values[VC_YAML_MOST_LIST][VC_YAML_TEXT_ROOM];
} vc_yaml_texts;

typedef struct vc_yaml_field {
    const char *key;
    vc_yaml_kind kind;
    size_t offset; /* of the member */
    vc_yaml_unit unit;
    double least, most;       /* of counts and numbers, inclusive */
    const char *const *words; /* ended by NULL */
    size_t room;
    int optional; /* a member without its key stays as it is */
} vc_yaml_field;

/* A file of one of the kinds of YAML; VC_FILE_OTHER: of any. VC_EIO for a file that cannot be read.
 * VC_EFORMAT for one that is of another kind, is larger than 1 MiB, is not YAML, has several
 * documents, does not hold a mapping, or has what configurations have no use for: anchors, aliases,
 * tags, bytes 0, more than 8 levels, a key that comes twice in a mapping, more than 256 keys. */
vc_status vc_yaml_open(vc_yaml **out, const char *path, vc_file_kind wanted);
void vc_yaml_close(vc_yaml *file);
vc_yaml_map vc_yaml_root(const vc_yaml *file);

/* Reads a mapping into a struct. VC_EFORMAT for a key that is unknown or missing, and for a value
 * of the wrong kind, unit or range. */
vc_status vc_yaml_read(void *out, const vc_yaml_map *map, const vc_yaml_field *fields,
                       size_t count);

/* Reads one word of a mapping and ignores its other keys. For mappings in which a word says which
 * table the rest is to be read by. */
vc_status vc_yaml_word(int *out, const vc_yaml_map *map, const char *key, const char *const *words);

/* 1 for true, yes, on; 0 for false, no, off; each also as True and TRUE. -1: no such word. */
int vc_yaml_flag(const char *text);

/* The mapping behind a key of kind VC_YAML_MAP or VC_YAML_NAMED; its node is NULL where the key is
 * not there, or has a name. */
vc_yaml_map vc_yaml_sub(const vc_yaml_map *map, const char *key);

/* For checks that a table cannot express: fails with "FILE:LINE: 'PATH.KEY' " followed by the
 * formatted text. Returns VC_EFORMAT. */
vc_status vc_yaml_fail(const vc_yaml_map *map, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif
