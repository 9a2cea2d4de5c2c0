#include "words.h"

#include <stdio.h>
#include <string.h>

#include "vitcod/chip_kind.h"
#include "vitcod/memory.h"

static int is_word(const char *part)
{
    return part[0] >= 'a' && part[0] <= 'z';
}

/* 1 for what is none of the words; `wanted` is then "fp32, bf16 or int8". A value that may be
 * something else than a word takes everything. */
static int is_wrong(char *wanted, size_t room, const cli_option *option, const char *text)
{
    size_t used = 0;
    for (const char *part = option->value; *part; part += *part == '|') {
        const size_t length = strcspn(part, "|");
        if (!is_word(part) || (strlen(text) == length && strncmp(part, text, length) == 0))
            return 0;
        const char *between = part == option->value ? "" : part[length] ? ", " : " or ";
        if (used < room)
            used +=
                (size_t)snprintf(wanted + used, room - used, "%s%.*s", between, (int)length, part);
        part += length;
    }
    return 1;
}

int cli_check_words(const cli_command *command, const cli_option *options, size_t count)
{
    char wanted[256];
    for (size_t i = 0; i < count; i++) {
        const cli_option *o = &options[i];
        const char *text = o->kind == CLI_TEXT ? *(const char *const *)o->target : NULL;
        if (text && is_wrong(wanted, sizeof wanted, o, text))
            return cli_usage(command, "--%s is '%s', wanted %s", o->name, text, wanted);
    }
    return CLI_CONTINUE;
}

const char *cli_chip_name(size_t index)
{
    const vc_chip_variant *chip = vc_chip_variant_at(index);
    return chip ? chip->key : NULL;
}

const char *cli_memory_name(size_t index)
{
    vc_memory_variant memory;
    return vc_memory_variant_at(&memory, index) ? memory.key : NULL;
}
