/* Keeps the costs of attention in a small JSON file in the cache of the user. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attention_costs_impl.h"
#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/hash.h"
#include "vitcod/isa.h"
#include "vitcod/json.h"
#include "vitcod/version.h"

enum { NAME = 128 };

static const char *const keys[] = {"panel_entry_ns", "row_entry_ns", "row_ns"};

void vc__cost_cache_of(vc__cost_cache *out, int bf16)
{
    char name[NAME];
    *out = (vc__cost_cache){.isa = vc_isa_name(vc_isa_get()), .panel = bf16 ? "bf16" : "fp32"};
    vc_cpu_name(out->cpu);
    const uint64_t hash = vc_hash(VC_HASH_START, out->cpu, strlen(out->cpu));
    snprintf(name, sizeof name, "attention-costs-%s-%s-%s-%08x.json", VC_VERSION, out->isa,
             out->panel, (unsigned)(hash & 0xffffffffu));
    vc_cache_path(out->path, sizeof out->path, name);
}

static int says(const json_t *file, const char *key, const char *wanted)
{
    const char *text = json_string_value(json_object_get(file, key));
    return text && strcmp(text, wanted) == 0;
}

int vc__cost_cache_read(vc_split_costs *out, const vc__cost_cache *cache)
{
    json_t *file = NULL;
    if (*cache->path && vc_json_read(&file, cache->path) != VC_OK)
        file = NULL;
    double *const values[] = {&out->panel_entry, &out->row_entry, &out->row};
    int good = file && vc_json_check_seal(file, cache->path) == VC_OK &&
               says(file, "cpu", cache->cpu) && says(file, "isa", cache->isa) &&
               says(file, "panel", cache->panel) && says(file, "version", VC_VERSION);
    for (size_t i = 0; good && i < 3; i++) {
        *values[i] = json_number_value(json_object_get(file, keys[i]));
        good = isfinite(*values[i]) && *values[i] > 0.0;
    }
    json_decref(file);
    return good;
}

void vc__cost_cache_write(const vc_split_costs *costs, const vc__cost_cache *cache)
{
    char folder[sizeof cache->path];
    if (!*cache->path)
        return;
    snprintf(folder, sizeof folder, "%s", cache->path);
    *strrchr(folder, '/') = '\0';
    json_t *file = json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "cpu", cache->cpu, "isa",
                             cache->isa, "panel", cache->panel, "version", VC_VERSION, keys[0],
                             costs->panel_entry, keys[1], costs->row_entry, keys[2], costs->row);
    if (file && vc_directory_make(folder) == VC_OK)
        (void)vc_json_write_sealed(cache->path, file);
    json_decref(file);
}
