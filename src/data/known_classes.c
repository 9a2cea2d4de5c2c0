#include "known_classes.h"

#include <string.h>

#include "vitcod/checksum.h"

/* A split, by the number and the CRC-32 of its labels as bytes. */
typedef struct known_set {
    const char *const *names;
    size_t classes, count;
    uint32_t crc;
} known_set;

static const char *const fashion_mnist[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                            "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                            "Bag",         "Ankle boot"};

static const known_set known[] = {
    {fashion_mnist, 10, 60000, 0x2ed6e46a},
    {fashion_mnist, 10, 10000, 0x242bc73f},
};

static uint32_t crc_of(const vc_dataset *dataset)
{
    uint8_t bytes[4096];
    uint32_t crc = 0;
    for (size_t from = 0, some; from < dataset->count; from += some) {
        some = dataset->count - from < sizeof bytes ? dataset->count - from : sizeof bytes;
        for (size_t i = 0; i < some; i++)
            bytes[i] = (uint8_t)dataset->labels[from + i];
        crc = vc_checksum(crc, bytes, some);
    }
    return crc;
}

vc_status vc__known_classes(vc__names *out, const vc_dataset *dataset)
{
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const known_set *set = &known[k];
        if (dataset->classes != set->classes || dataset->count != set->count ||
            crc_of(dataset) != set->crc)
            continue;
        for (size_t c = 0; c < set->classes; c++)
            VC_TRY(vc__names_add(out, set->names[c], strlen(set->names[c])));
        return VC_OK;
    }
    return VC_OK;
}
