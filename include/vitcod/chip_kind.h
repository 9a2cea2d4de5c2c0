/* Kinds of chips: who computes attention on the lines, and how. Each is one file of src/sim/chips
 * with one row of this type, and one line in src/sim/chip_kinds.c; files, results, help and sweeps
 * know it from there. */
#ifndef VITCOD_CHIP_KIND_H
#define VITCOD_CHIP_KIND_H

#include "vitcod/bound.h"
#include "vitcod/chip.h"
#include "vitcod/json.h"
#include "vitcod/yaml.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One value of a chip, described once: how a file writes it, its name in results, what it means. */
typedef struct vc_chip_field {
    vc_yaml_field yaml; /* the offset is of vc_chip_config, or of the kind's own struct */
    const char *result; /* its name in results, with the unit: "clock_hz" */
    const char *meaning;
} vc_chip_field;

/* MACs, clock and memory of a chip as its authors published it, where ViTCoD's are not used. */
typedef struct vc_chip_published {
    double clock_hz;
    uint64_t macs_per_line;
    const char *memory; /* its name */
    double bytes_per_second, pj_per_bit;
} vc_chip_published;

/* A chip of a kind that needs no file. */
typedef struct vc_chip_variant {
    const char *key;  /* as --chip and configs/accelerators name it */
    const char *name; /* in results */
    vc_chip_steps steps;
    const void *own;                    /* the kind's own struct; NULL: it has none */
    const vc_chip_published *published; /* NULL: on ViTCoD's MACs, clock and memory */
} vc_chip_variant;

/* How much a mask leaves of a model's attention, for a chip that prunes in its own way: so that
 * both compute as much, and a comparison is fair. */
typedef struct vc_fair_work {
    double kept_share; /* of the scores */
    double token_keep; /* share of tokens to keep; NAN: what leaves kept_share of the scores */
    double flat_rows;  /* share of rows of real attention without a high score; NAN: not known */
} vc_fair_work;

/* A tile of weights of a dense product, and all rows that stream past it, on a chip that has a way
 * of its own with them. */
typedef struct vc_chip_product {
    uint64_t cycles; /* of all lines together */
    uint64_t stall;  /* and so many more where the ports of the scratchpads take longer */
    uint64_t ahead;  /* cycles from its start until the first row is wanted; then one a cycle */
    uint64_t input_reads; /* values, from the scratchpads */
    uint64_t additions;   /* of 32-bit sums in the output scratchpad */
} vc_chip_product;

struct vc__chip_layer; /* a layer's attention on its way through a chip */

struct vc_chip_kind {
    const char *name; /* in a file: `dataflow: NAME`, and of the section of its own values */
    size_t own_bytes; /* of its own struct, which lies in vc_chip_config.own; 0: none */
    const vc_chip_field *fields; /* of that struct */
    size_t field_count;
    const vc_chip_variant *variants;
    size_t variant_count;
    unsigned banked; /* scratchpads at whose banks lines take turns: 1 << vc_buffer, added up */
    /* Keys that all chips have and it makes no use of: they must be left as they are by default.
     * Ended by NULL; NULL: none. */
    const char *const *unused;
    int uses_mask, uses_autoencoder; /* 0: `prune` and `autoencoder` must be false */
    int takes_values;                /* int8 data can be sent through */
    int takes_summaries;             /* 0: vc_chip_plan leaves a plan's summaries out */
    /* It finds in real attention which scores to keep, at so many products of a MAC per cycle;
     * NULL: not. */
    uint64_t (*predictions)(const vc_chip_config *config);
    /* What ranges of fields cannot say; NULL: nothing. */
    vc_status (*check)(const vc_chip_config *config);
    /* Simulates the layer's attention. */
    vc_status (*run)(struct vc__chip_layer *layer);
    /* A tile of a dense product, (rows, inputs) times (inputs, outputs); NULL: as ViTCoD's lines
     * have it. Tiles are a multiple of `product_outputs` wide (0: of 8). */
    void (*product)(vc_chip_product *out, const vc_chip_config *config, uint64_t rows,
                    uint64_t inputs, uint64_t outputs);
    uint64_t (*product_outputs)(const vc_chip_config *config);
    /* What no schedule beats for a workload; NULL: it does other work than the workload says (it
     * prunes tokens, or needs no indices), and only the counts of a run bound its cycles. */
    vc_status (*bound)(vc_bound *out, const vc_workload *workload, const vc_bound_config *config,
                       int attention_only);
    /* Prunes as much as a mask would; NULL: it uses the mask, or prunes nothing. */
    void (*adapt)(vc_chip_config *config, const vc_fair_work *work);
    /* Why it can beat ViTCoD's chip on the same MACs, clock, scratchpads and memory, as the end of
     * a sentence; NULL, or it returns NULL: no reason is known. */
    const char *(*ahead)(const vc_chip_config *config);
};

/* All kinds, ended by NULL. */
const vc_chip_kind *const *vc_chip_kinds(void);

/* The chips of all kinds that need no file, in the order of comparisons; NULL behind the last. */
const vc_chip_variant *vc_chip_variant_at(size_t index);

/* Values that all kinds of chips have. */
const vc_chip_field *vc_chip_fields(size_t *count);

/* Fields as members of a JSON object; `base` is the struct that they lie in. Numbers that a file
 * may leave out are left out where they are 0, so that a chip without has the JSON that it had. */
void vc_chip_fields_json(json_t **object, const vc_chip_field *fields, size_t count,
                         const void *base);

/* ---- keys: every number, word and flag of a chip by a name, as a sweep varies it */

typedef struct vc_chip_key {
    char name[64];   /* sections joined by '_': "lines", "query_size", "sanger_rows" */
    char result[64]; /* in results, with the unit: "query_size_bytes" */
    const vc_chip_field *field;
    const vc_chip_kind *kind; /* whose own it is; NULL: all chips have it */
    size_t offset;            /* in vc_chip_config */
} vc_chip_key;

/* Every key of the kinds (vc_chip_kinds() for all); returns how many there are, of which `room` are
 * written. */
size_t vc_chip_keys(vc_chip_key *out, size_t room, const vc_chip_kind *const *kinds);

/* A count, a number, the index of a word, or a flag. A chip of another kind than the key's stays as
 * it is. */
void vc_chip_key_set(vc_chip_config *config, const vc_chip_key *key, double value);

#ifdef __cplusplus
}
#endif

#endif
