/* Reading accelerators of given kinds, so that tests can bring a kind of their own. */
#ifndef VC_ACCELERATOR_IMPL_H
#define VC_ACCELERATOR_IMPL_H

#include "chip_impl.h"
#include "vitcod/accelerator.h"

/* Like vc_accelerator_read, with a list of kinds that ends with NULL. */
vc_status vc__accelerator_read(vc_accelerator *out, const char *path,
                               const vc_chip_kind *const *kinds);

/* A built-in chip. It has the lines and the memory of ViTCoD, unless it is as published. */
vc_accelerator vc__accelerator_of(const vc_chip_kind *kind, const vc_chip_variant *variant);

/* Reads fields, which may be left out `on_top` of another file. */
vc_status vc__read_fields(void *out, const vc_yaml_map *map, const vc_yaml_field *fields,
                          size_t count, int on_top);
/* Checks sections that have a mapping for each scratchpad, and `more` (ended by NULL; or NULL).
 * `optional` may be left out in any case; NULL: nothing. */
vc_status vc__read_buffer_names(const vc_yaml_map *map, const char *const *more, int on_top,
                                const char *optional);

/* The section `energy`, or a file that has it: .csv with a row for each component and action, else
 * YAML with the section's keys (energy_table.c). */
vc_status vc__energy_read(vc_energy_table *out, const vc_yaml_map *energy, int on_top);
vc_status vc__energy_read_file(vc_energy_table *out, const char *path, int on_top);
vc_status vc__area_read(vc_energy_table *out, const vc_yaml_map *root, int on_top);

#endif
