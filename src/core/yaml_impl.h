/* Shared by the files of the YAML reader. */
#ifndef VC_YAML_IMPL_H
#define VC_YAML_IMPL_H

#include "vitcod/yaml.h"

struct fy_node;

/* Of a list or a mapping where its first value is; 0: unknown. */
size_t vc__yaml_line(struct fy_node *node);

/* Reads one value into its member of the struct. */
vc_status vc__yaml_value(void *out, const vc_yaml_map *map, const vc_yaml_field *field,
                         struct fy_node *node);

#endif
