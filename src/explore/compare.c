/* Chips in scenes: every chip in every one, each fitted to do as much as the mask leaves. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare_impl.h"
#include "vitcod/chip_kind.h"
#include "vitcod/polarize.h"

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

/* Whether a key names a built-in chip with the MACs, clock and memory that were published, or is
 * the path of a file called after it. */
static int is_published(const char *key)
{
    const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
    const vc_chip_variant *v;
    for (size_t i = 0; (v = vc_chip_variant_at(i)); i++) {
        const size_t length = strlen(v->key);
        if (v->published && strncmp(name, v->key, length) == 0 &&
            (name[length] == '\0' || name[length] == '.'))
            return 1;
    }
    return 0;
}

static const char equal_substrate[] = "equal substrate";

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
        return equal_substrate;
    return is_published(r->key) && !o->memory ? "as published" : "its own";
}

static vc_status open_row(vc_compare_row *r, const vc_scene *scene, const char *key,
                          const vc_compare_options *o, const vc_memory_config *memory)
{
    const vc_fair_work work = {scene->kept, o->token_keep, scene->flat};
    *r = (vc_compare_row){.scene = scene,
                          .key = key,
                          .arch = scene->arch,
                          .sparsity = scene->sparsity,
                          .kept_share = scene->kept,
                          .seen = scene->seen.layer_count ? "attention maps" : "the mask",
                          .has_end_to_end = !o->attention_only};
    vc_plan_hash_text(r->plan_hash, &scene->plan);
    r->method = vc_plan_method(&scene->plan);
    VC_TRY(vc_accelerator_open_with(&r->chip, key, o->memory));
    if (r->chip.chip.kind->adapt)
        r->chip.chip.kind->adapt(&r->chip.chip, &work);
    r->setting = setting_of(r, o, memory);
    r->summaries = vc_chip_summaries(&r->chip.chip, &scene->plan);
    r->accelerator = vc_accelerator_json(&r->chip);
    return r->accelerator ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

static vc_status open_rows(vc_comparison *c, const vc_compare_options *o)
{
    vc_memory_config memory = vc_memory_config_default(); /* that all have */
    const char **keys;
    size_t count;
    if (o->memory)
        VC_TRY(vc_memory_config_open(&memory, o->memory));
    VC_TRY(vc__scenes_open(c, o));
    VC_TRY(list_chips(&keys, &count, o));
    c->rows = calloc(c->scene_count * count, sizeof *c->rows);
    vc_status status = c->rows ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < c->scene_count * count && status == VC_OK; i++)
        status =
            open_row(&c->rows[c->row_count++], &c->scenes[i / count], keys[i % count], o, &memory);
    free(keys);
    for (size_t i = 1; i < c->row_count && status == VC_OK; i++)
        if (vc_chip_images(&c->rows[i].chip.chip) != vc_chip_images(&c->rows[0].chip.chip))
            status = vc_fail(VC_EINVAL, "'batch' is %zu of '%s' and %zu of '%s', wanted the same",
                             (size_t)vc_chip_images(&c->rows[0].chip.chip), c->rows[0].key,
                             (size_t)vc_chip_images(&c->rows[i].chip.chip), c->rows[i].key);
    return status;
}

static vc_status run_row(vc_compare_row *r)
{
    const vc_scene *s = r->scene;
    const vc_plan *plan =
        r->chip.chip.kind->predictions && s->seen.layer_count ? &s->seen : &s->plan;
    const size_t compressed = s->is_file ? VC_OWN_AUTOENCODER : 0;
    VC_TRY(vc_point_run(&r->attention, &s->model, plan, compressed, &r->chip, 1));
    return r->has_end_to_end
               ? vc_point_run(&r->end_to_end, &s->model, plan, compressed, &r->chip, 0)
               : VC_OK;
}

static vc_status run_rows(vc_comparison *c, vc_progress *progress)
{
    size_t done = 0;
    if (progress)
        progress->total = c->row_count;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < c->row_count; i++) {
        vc_compare_row *r = &c->rows[i];
        r->status = run_row(r);
        if (r->status != VC_OK)
            snprintf(r->message, sizeof r->message, "%s", vc_last_error());
        if (!progress)
            continue;
#pragma omp critical
        vc_progress_update(progress, ++done, r->chip.chip.name);
    }
    for (size_t i = 0; i < c->row_count; i++) {
        const vc_compare_row *r = &c->rows[i];
        if (r->status != VC_OK)
            return vc_fail(r->status, "%s at %g on %s: %s", r->scene->arch, r->scene->sparsity,
                           r->chip.chip.name, r->message);
    }
    return VC_OK;
}

/* The built-in chip in the same scene, which the others are measured by. */
static const vc_compare_row *base_of(const vc_comparison *c, const vc_compare_row *r)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].scene == r->scene && strcmp(c->rows[i].key, "vitcod") == 0)
            return &c->rows[i];
    return NULL;
}

static const char *why_ahead(const vc_compare_row *r)
{
    const vc_chip_kind *kind = r->chip.chip.kind;
    const char *known = kind->ahead ? kind->ahead(&r->chip.chip) : NULL;
    if (!(r->attention_times < 1.0 || r->energy_times < 1.0 || r->on_chip_times < 1.0 ||
          r->end_to_end_times < 1.0))
        return NULL;
    if (strcmp(r->setting, equal_substrate) != 0)
        return "its MACs, clock, scratchpads or memory are other ones";
    return known ? known : "of this mask and this memory; no assumption is known to be the reason";
}

/* NAN where there is nothing to measure by: a memory that is a rate has no standby. */
static double times(double value, double base)
{
    return base > 0.0 ? value / base : NAN;
}

static void measure_row(vc_compare_row *r, const vc_compare_row *base)
{
    r->attention_times = base ? r->attention.time_us / base->attention.time_us : NAN;
    const vc_point none = {0}, *a = &r->attention, *b = base ? &base->attention : &none;
    r->energy_times = times(a->energy_uj, b->energy_uj);
    r->on_chip_times = times(a->on_chip_uj, b->on_chip_uj);
    r->dram_access_times = times(a->dram_access_uj, b->dram_access_uj);
    r->dram_standby_times = times(a->dram_standby_uj, b->dram_standby_uj);
    r->end_to_end_times =
        base && r->has_end_to_end ? r->end_to_end.time_us / base->end_to_end.time_us : NAN;
    r->ahead = why_ahead(r);
}

/* ---- what was measured elsewhere */

static vc_status open_measured(vc_comparison *c, const vc_compare_options *o)
{
    c->has_measured = o->measured_count > 0;
    c->measured = calloc(o->measured_count + 1, sizeof *c->measured);
    if (!c->measured)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (; c->measured_count < o->measured_count; c->measured_count++)
        VC_TRY(vc_measured_read(&c->measured[c->measured_count], o->measured[c->measured_count],
                                o->measured_batch));
    return VC_OK;
}

static vc_status set_against(vc_comparison *c)
{
    c->measured_times = calloc(c->measured_count * c->scene_count + 1, sizeof *c->measured_times);
    if (!c->measured_times)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < c->row_count; i++) {
        const vc_compare_row *r = &c->rows[i];
        for (size_t m = 0; base_of(c, r) == r && m < c->measured_count; m++) {
            const vc_measured *by = &c->measured[m];
            c->measured_times[c->measured_times_count++] = (vc_measured_times){
                .path = by->path,
                .arch = r->arch,
                .sparsity = r->sparsity,
                .attention_times = by->attention_us / r->attention.time_us,
                .end_to_end_times =
                    r->has_end_to_end ? by->end_to_end_us / r->end_to_end.time_us : NAN};
        }
    }
    return VC_OK;
}

vc_status vc_compare(vc_comparison *out, const vc_compare_options *options)
{
    *out = (vc_comparison){.paper = {.reorder_mean = 5.14,
                                     .reorder_at_09 = 8.14,
                                     .prune_mean = 2.59,
                                     .prune_at_09 = 2.03,
                                     .spatten_at_09 = 10.1,
                                     .sanger_at_09 = 6.8,
                                     .cpu_at_09 = 235.3,
                                     .edge_gpu_at_09 = 142.9,
                                     .gpu_at_09 = 86.0,
                                     .source = "You et al., HPCA 2023",
                                     .explained = "docs/comparison.md"}};
    vc_status status = open_measured(out, options); /* what is no file shows before anything runs */
    if (status == VC_OK)
        status = open_rows(out, options);
    if (status == VC_OK)
        status = run_rows(out, options->progress);
    for (size_t i = 0; status == VC_OK && i < out->row_count; i++)
        measure_row(&out->rows[i], base_of(out, &out->rows[i]));
    if (status == VC_OK)
        status = set_against(out);
    if (status != VC_OK)
        vc_comparison_close(out);
    return status;
}

void vc_comparison_close(vc_comparison *c)
{
    for (size_t i = 0; i < c->row_count; i++)
        json_decref(c->rows[i].accelerator);
    vc__scenes_close(c);
    free(c->rows);
    for (size_t i = 0; i < c->measured_count; i++)
        vc_measured_close(&c->measured[i]);
    free(c->measured);
    free(c->measured_times);
    *c = (vc_comparison){0};
}
