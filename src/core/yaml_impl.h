/* Between the files of the YAML reader. */
#ifndef VC_YAML_IMPL_H
#define VC_YAML_IMPL_H

#include "vitcod/yaml.h"

struct fy_node;

/* One value into its member. */
vc_status vc__yaml_value(void *out, const vc_yaml_map *map, const vc_yaml_field *field,
                         struct fy_node *node);

#endif
