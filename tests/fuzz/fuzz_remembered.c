/* What JSON files of the user's cache are believed, behind a checksum that is right: the hash of a
 * model and, with an odd first byte, the costs of attention. */
#include "fuzzed_folder.h"

#include <math.h>

#include "../../src/kernels/attention_costs_impl.h"
#include "../../src/models/model_impl.h"
#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/version.h"

static void seal(const char *path, const uint8_t *data, size_t size)
{
    json_error_t error;
    json_t *whole = vc_json_parse((const char *)data, size, 0, &error);
    if (!json_is_object(whole) || vc_json_write_sealed(path, whole) != VC_OK)
        unlink(path);
    json_decref(whole);
}

/* As they are, but for the version, which is this one. */
static void write_costs(const char *path, const uint8_t *data, size_t size)
{
    json_error_t error;
    json_t *whole = vc_json_parse((const char *)data, size, 0, &error);
    if (json_is_object(whole))
        json_object_set_new(whole, "version", json_string(VC_VERSION));
    char *text = whole ? vc_json_dump(whole, JSON_ENCODE_ANY) : NULL;
    FILE *file = fopen(path, "wb");
    if (!file ||
        fwrite(text ? text : (const char *)data, 1, text ? strlen(text) : size, file) == SIZE_MAX)
        abort();
    fclose(file);
    free(text);
    json_decref(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[] = "of a file";
    static vc__cost_cache cache;
    static char path[PATH_MAX];
    vc_model_origin origin = {.name = 1, .text = text};
    vc_split_costs costs;
    if (!path[0]) {
        setenv("XDG_CACHE_HOME", fuzz_folder(), 1);
        vc_cache_path(path, sizeof path, "");
        if (vc_directory_make(path) != VC_OK)
            abort();
        vc_cache_path(path, sizeof path, "values-0000000000000001.json");
        vc__cost_cache_of(&cache, 0);
        snprintf(cache.cpu, sizeof cache.cpu, "a CPU");
        cache.isa = "ref";
        vc_cache_path(cache.path, sizeof cache.path, "costs.json");
    }
    if (size < 1)
        return 0;
    if (data[0] & 1) {
        write_costs(cache.path, data + 1, size - 1);
        if (vc__cost_cache_read(&costs, &cache) &&
            !(costs.panel_entry > 0.0 && costs.row_entry > 0.0 && costs.row > 0.0 &&
              isfinite(costs.panel_entry + costs.row_entry + costs.row)))
            abort();
        return 0;
    }
    seal(path, data + 1, size - 1);
    vc__origin_recall(&origin);
    return 0;
}
