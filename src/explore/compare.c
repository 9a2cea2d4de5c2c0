/* Chips in scenes: every chip in every one, each fitted to do as much as the mask leaves. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare_impl.h"
#include "vitcod/chip_kind.h"
#include "vitcod/polarize.h"
#include "vitcod/progress.h"

vc_compare_options vc_compare_options_default(void)
{
    return (vc_compare_options){.token_keep = NAN, .flat = 0.1, .threshold = VC_POLARIZE_THRESHOLD};
}

/* ---- rows */

static size_t built_in_chips(const char **out, int published)
{
    const vc_chip_variant *v;
    size_t count = 0;
    for (size_t i = 0; (v = vc_chip_variant_at(i)); i++)
        if ((v->published != NULL) == published) {
            if (out)
                out[count] = v->key;
            count++;
        }
    return count;
}

/* The chips that are asked for, or all but the published; those behind where they are asked for,
 * too. */
static vc_status list_chips(const char ***out, size_t *count, const vc_compare_options *o)
{
    const size_t first = o->chip_count ? o->chip_count : built_in_chips(NULL, 0);
    *count = first + (o->published ? built_in_chips(NULL, 1) : 0);
    const char **keys = *out = calloc(*count, sizeof *keys);
    if (!keys)
        return vc_fail(VC_ENOMEM, "out of memory");
    if (o->chip_count)
        memcpy(keys, o->chips, o->chip_count * sizeof *keys);
    else
        built_in_chips(keys, 0);
    if (o->published)
        built_in_chips(keys + first, 1);
    return VC_OK;
}

static int same_memory(const vc_memory_config *a, const vc_memory_config *b)
{
    return a->model == b->model &&
           (a->model == VC_MEMORY_BANDWIDTH ? a->bytes_per_second == b->bytes_per_second
                                            : memcmp(&a->dram, &b->dram, sizeof a->dram) == 0);
}

/* Whether a chip has ViTCoD's MACs, clock and scratchpads, and the memory that all have. */
static const char *setting_of(const vc_compare_row *r, const vc_compare_options *o,
                              const vc_memory_config *memory)
{
    const vc_accelerator base = vc_accelerator_default();
    const vc_chip_config *c = &r->chip.chip, *b = &base.chip;
    int equal = c->lines * c->macs_per_line == b->lines * b->macs_per_line &&
                c->clock_hz == b->clock_hz && same_memory(&r->chip.memory, memory);
    for (size_t i = 0; i < VC_BUFFER_COUNT; i++)
        equal &= c->buffers[i].bytes == b->buffers[i].bytes;
    if (equal)
        return "equal substrate";
    return strstr(r->key, "-published") && !o->memory ? "as published" : "its own";
}

static vc_status open_row(vc_compare_row *r, const vc_scene *scene, const char *key,
                          const vc_compare_options *o, const vc_memory_config *memory)
{
    const vc_fair_work work = {scene->kept, o->token_keep, scene->flat};
    r->scene = scene;
    r->key = key;
    VC_TRY(vc_accelerator_open_with(&r->chip, key, o->memory));
    if (r->chip.chip.kind->adapt)
        r->chip.chip.kind->adapt(&r->chip.chip, &work);
    r->setting = setting_of(r, o, memory);
    return VC_OK;
}

static vc_status open_rows(vc_comparison *c, const vc_compare_options *o)
{
    vc_memory_config memory = vc_memory_config_default(); /* that all have */
    const char **keys;
    size_t count;
    if (o->memory)
        VC_TRY(vc_memory_config_read(&memory, o->memory));
    VC_TRY(vc__scenes_open(c, o));
    VC_TRY(list_chips(&keys, &count, o));
    c->rows = calloc(c->scene_count * count, sizeof *c->rows);
    vc_status status = c->rows ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < c->scene_count * count && status == VC_OK; i++)
        status =
            open_row(&c->rows[c->row_count++], &c->scenes[i / count], keys[i % count], o, &memory);
    free(keys);
    return status;
}

static vc_status run_row(vc_compare_row *r, int attention_only)
{
    const vc_scene *s = r->scene;
    const vc_plan *plan =
        r->chip.chip.kind->predictions && s->seen.layer_count ? &s->seen : &s->plan;
    const size_t compressed = s->is_file ? VC_OWN_AUTOENCODER : 0;
    VC_TRY(vc_point_run(&r->attention, &s->model, plan, compressed, &r->chip, 1));
    return attention_only ? VC_OK
                          : vc_point_run(&r->end_to_end, &s->model, plan, compressed, &r->chip, 0);
}

static vc_status run_rows(vc_comparison *c)
{
    vc_progress progress = vc_progress_begin("compare", c->row_count);
    size_t done = 0;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < c->row_count; i++) {
        vc_compare_row *r = &c->rows[i];
        r->status = run_row(r, c->attention_only);
        if (r->status != VC_OK)
            snprintf(r->message, sizeof r->message, "%s", vc_last_error());
#pragma omp critical
        vc_progress_update(&progress, ++done, r->chip.chip.name);
    }
    vc_progress_end(&progress);
    for (size_t i = 0; i < c->row_count; i++) {
        const vc_compare_row *r = &c->rows[i];
        if (r->status != VC_OK)
            return vc_fail(r->status, "%s at %g on %s: %s", r->scene->arch, r->scene->sparsity,
                           r->chip.chip.name, r->message);
    }
    return VC_OK;
}

vc_status vc_compare(vc_comparison *out, const vc_compare_options *options)
{
    *out = (vc_comparison){.attention_only = options->attention_only};
    vc_status status = open_rows(out, options);
    if (status == VC_OK)
        status = run_rows(out);
    if (status != VC_OK)
        vc_comparison_close(out);
    return status;
}

void vc_comparison_close(vc_comparison *c)
{
    vc__scenes_close(c);
    free(c->rows);
    *c = (vc_comparison){0};
}

/* ---- results */

const vc_compare_row *vc_compare_base(const vc_comparison *c, const vc_compare_row *r)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].scene == r->scene && strcmp(c->rows[i].key, "vitcod") == 0)
            return &c->rows[i];
    return NULL;
}

static json_t *row_json(const vc_comparison *c, const vc_compare_row *r)
{
    const vc_compare_row *base = vc_compare_base(c, r);
    const vc_scene *s = r->scene;
    char hash[VC_PLAN_HASH_TEXT];
    vc_plan_hash_text(hash, &s->plan);
    json_t *one =
        json_pack("{s:o, s:f, s:f, s:s, s:s, s:o, s:o, s:s, s:s}", "arch", vc_json_text(s->arch),
                  "sparsity", s->sparsity, "kept_share", s->kept, "chip", r->chip.chip.name,
                  "setting", r->setting, "attention", vc_point_json(&r->attention), "accelerator",
                  vc_accelerator_json(&r->chip), "plan_hash", hash, "dynamic_sparsity_from",
                  s->seen.layer_count ? "attention maps" : "the mask");
    if (!c->attention_only)
        json_object_set_new(one, "end_to_end", vc_point_json(&r->end_to_end));
    if (!base)
        return one;
    json_object_set_new(one, "attention_times_vitcod",
                        json_real(r->attention.time_us / base->attention.time_us));
    json_object_set_new(one, "energy_times_vitcod",
                        json_real(r->attention.energy_uj / base->attention.energy_uj));
    if (!c->attention_only)
        json_object_set_new(one, "end_to_end_times_vitcod",
                            json_real(r->end_to_end.time_us / base->end_to_end.time_us));
    return one;
}

/* You et al., HPCA 2023. */
static json_t *paper_json(void)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:s}", "reorder_only_over_prune_reorder_mean",
                     5.14, "reorder_only_over_prune_reorder_at_0.9", 8.14,
                     "prune_only_over_prune_reorder_mean", 2.59,
                     "prune_only_over_prune_reorder_at_0.9", 2.03, "spatten_at_0.9", 10.1,
                     "sanger_at_0.9", 6.8, "source", "You et al., HPCA 2023");
}

json_t *vc_comparison_json(const vc_comparison *c)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < c->row_count; i++)
        json_array_append_new(rows, row_json(c, &c->rows[i]));
    return json_pack("{s:o, s:o}", "rows", rows, "paper", paper_json());
}
