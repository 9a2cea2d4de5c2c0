/* Sets a key of a chip by its name. Whether the chip then holds together is not checked. */
#ifndef VC_TEST_CHIP_SET_H
#define VC_TEST_CHIP_SET_H

#include "testing.h"
#include "vitcod/chip_kind.h"

static inline void chip_set(vc_chip_config *config, const char *name, double value)
{
    vc_chip_key keys[128];
    const vc_chip_kind *const own[] = {config->kind, NULL};
    const size_t room = sizeof keys / sizeof *keys, count = vc_chip_keys(keys, room, own);
    assert_true(count <= room);
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0) {
            vc_chip_key_set(config, &keys[i], value);
            return;
        }
    fail_msg("the chip '%s' has no '%s'", config->name, name);
}

#endif
