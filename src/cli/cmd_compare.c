#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "find_masks.h"
#include "lists.h"
#include "open_plan.h"
#include "point.h"
#include "vitcod/maps.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"
#include "vitcod/progress.h"

/* The ablation, ours, the rivals. */
static const char default_chips[] =
    "dense,reorder,prune,prune-reorder,vitcod,systolic,sanger,spatten";
static const char published_chips[] = "sanger-published,spatten-published";
static const double default_sparsities[] = {0.6, 0.7, 0.8, 0.9, 0.95};

typedef struct compare_options {
    const char *arch, *masks, *attention, *sparsity, *chips, *memory;
    double token_keep, flat;
    size_t threshold;
    int published, attention_only;
    cli_names archs, chip_names;
    cli_numbers sparsities;
} compare_options;

/* A model at a sparsity. */
typedef struct scene {
    const char *arch; /* a model's file has its own plan and auto-encoder */
    int is_file;
    vc_model_config model;
    double sparsity, kept; /* asked for; share of scores */
    vc_plan plan;
    vc_plan seen; /* what a prediction keeps of real attention; empty: the plan's mask */
    double flat;  /* share of rows of real attention without a high score; NAN: not known */
} scene;

typedef struct pairing {
    const scene *scene;
    const char *key; /* as --chips names the chip */
    vc_accelerator chip;
    cli_point attention, end_to_end;
    vc_status status;
    char message[512];
} pairing;

typedef struct comparison {
    scene *scenes;
    pairing *rows;
    size_t scene_count, row_count;
} comparison;

/* ---- scenes */

static int is_file(const char *arch)
{
    vc_model_config ignored;
    return access(arch, F_OK) == 0 && vc_model_preset(&ignored, arch) != VC_OK;
}

static double flat_rows(const vc_map_set *maps, double flat)
{
    double rows = 0.0, low = 0.0;
    for (size_t g = 0; g < maps->files.count; g++) {
        const vc_maps *m = &maps->maps[g];
        for (size_t r = 0; r < m->layers * m->heads * m->queries; r++) {
            const float *row = m->values + r * m->keys;
            float highest = 0.0f;
            for (size_t k = 0; k < m->keys; k++)
                highest = row[k] > highest ? row[k] : highest;
            low += (double)highest < flat;
            rows++;
        }
    }
    return low / rows;
}

/* A threshold on the scores of real attention that keeps as many as the mask. */
static vc_status predict(scene *s, const vc_map_set *maps, const char *path)
{
    vc_prune_options o = vc_prune_options_default();
    vc_prune_report report;
    vc_mask_set set;
    o.rule = "threshold";
    o.sparsity = 1.0 - s->kept;
    o.keep_class_token = 0;
    VC_TRY(vc_mask_set_open(&set, maps->files.count));
    vc_status status =
        vc_prune_groups(set.masks, &report, maps->maps, NULL, maps->files.count, &o, path);
    if (status == VC_OK)
        status = vc_polarize_groups(&s->seen, set.masks, set.count, set.masks[0].queries, path);
    vc_mask_set_close(&set);
    return status == VC_OK ? vc_model_check_plan(&s->model, &s->seen, path) : status;
}

static vc_status look_at_attention(scene *s, const compare_options *o)
{
    char path[4096], stem[256];
    vc_map_set maps;
    cli_stem(stem, s->arch);
    if (!cli_find_maps(path, sizeof path, o->attention, stem))
        return vc_fail(VC_EIO, "%s: neither %s.npy nor %s is there", o->attention, stem, stem);
    VC_TRY(vc_map_set_read(&maps, path));
    s->flat = flat_rows(&maps, o->flat);
    const vc_status status = predict(s, &maps, path);
    vc_map_set_close(&maps);
    return status;
}

static vc_status finish_scene(scene *s, const compare_options *o)
{
    s->kept = vc_plan_kept_share(&s->plan);
    if (s->is_file)
        s->sparsity = 1.0 - s->kept;
    return o->attention ? look_at_attention(s, o) : VC_OK;
}

static vc_status open_preset(scene *s, const char *arch, double sparsity, const compare_options *o)
{
    *s = (scene){.arch = arch, .sparsity = sparsity, .flat = NAN};
    VC_TRY(vc_model_preset(&s->model, arch));
    VC_TRY(cli_find_plan(&s->plan, &s->model, o->masks, arch, sparsity, o->threshold));
    return finish_scene(s, o);
}

static vc_status open_file(scene *s, const char *path, const compare_options *o)
{
    *s = (scene){.arch = path, .is_file = 1, .flat = NAN};
    VC_TRY(cli_find_model(&s->model, &s->plan, path));
    if (!s->plan.layer_count)
        return vc_fail(VC_EINVAL, "%s: no plan is inside, wanted a model with one", path);
    return finish_scene(s, o);
}

static void close_scene(scene *s)
{
    vc_plan_close(&s->plan);
    vc_plan_close(&s->seen);
}

/* At every sparsity; without --sparsity where there is a mask. */
static vc_status open_presets(comparison *c, const char *arch, const compare_options *o,
                              const double *sparsities, size_t count)
{
    const size_t before = c->scene_count;
    vc_status status = VC_OK;
    for (size_t i = 0; i < count; i++) {
        scene *s = &c->scenes[c->scene_count];
        status = open_preset(s, arch, sparsities[i], o);
        c->scene_count += status == VC_OK;
        if (status != VC_OK) {
            close_scene(s);
            if (o->sparsities.count > 0 || status != VC_EIO)
                return status;
        }
    }
    return c->scene_count == before ? status : VC_OK;
}

static vc_status open_scenes(comparison *c, const compare_options *o)
{
    const int asked = o->sparsities.count > 0;
    const double *values = asked ? o->sparsities.values : default_sparsities;
    const size_t count =
        asked ? o->sparsities.count : sizeof default_sparsities / sizeof *default_sparsities;
    c->scenes = calloc(o->archs.count * count, sizeof *c->scenes);
    if (!c->scenes)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t a = 0; a < o->archs.count; a++) {
        const char *arch = o->archs.names[a];
        if (is_file(arch))
            VC_TRY(open_file(&c->scenes[c->scene_count++], arch, o));
        else
            VC_TRY(open_presets(c, arch, o, values, count));
    }
    return VC_OK;
}

/* ---- rows */

static vc_status open_rows(comparison *c, const compare_options *o)
{
    c->rows = calloc(c->scene_count * o->chip_names.count, sizeof *c->rows);
    if (!c->rows)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t s = 0; s < c->scene_count; s++)
        for (size_t i = 0; i < o->chip_names.count; i++) {
            pairing *r = &c->rows[c->row_count++];
            r->scene = &c->scenes[s];
            r->key = o->chip_names.names[i];
            VC_TRY(vc_accelerator_open(&r->chip, o->chip_names.names[i]));
            if (o->memory)
                VC_TRY(vc_memory_config_read(&r->chip.memory, o->memory));
            const vc_fair_work work = {r->scene->kept, o->token_keep, r->scene->flat};
            if (r->chip.chip.kind->adapt)
                r->chip.chip.kind->adapt(&r->chip.chip, &work);
        }
    return VC_OK;
}

static vc_status run_row(pairing *r, int attention_only)
{
    const scene *s = r->scene;
    const vc_plan *plan =
        r->chip.chip.kind->predictions && s->seen.layer_count ? &s->seen : &s->plan;
    const size_t compressed = s->is_file ? CLI_OWN_AUTOENCODER : 0;
    VC_TRY(cli_run_point(&r->attention, &s->model, plan, compressed, &r->chip, 1));
    return attention_only ? VC_OK
                          : cli_run_point(&r->end_to_end, &s->model, plan, compressed, &r->chip, 0);
}

static vc_status run_rows(comparison *c, const compare_options *o)
{
    vc_progress progress = vc_progress_begin("compare", c->row_count);
    size_t done = 0;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < c->row_count; i++) {
        pairing *r = &c->rows[i];
        r->status = run_row(r, o->attention_only);
        if (r->status != VC_OK)
            snprintf(r->message, sizeof r->message, "%s", vc_last_error());
#pragma omp critical
        vc_progress_update(&progress, ++done, r->chip.chip.name);
    }
    vc_progress_end(&progress);
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].status != VC_OK)
            return vc_fail(c->rows[i].status, "%s at %g on %s: %s", c->rows[i].scene->arch,
                           c->rows[i].scene->sparsity, c->rows[i].chip.chip.name,
                           c->rows[i].message);
    return VC_OK;
}

/* ---- result */

/* The row of the built-in chip in the same scene, which the others are compared with. */
static const pairing *ours(const comparison *c, const pairing *r)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].scene == r->scene && strcmp(c->rows[i].key, "vitcod") == 0)
            return &c->rows[i];
    return NULL;
}

static int same_memory(const vc_memory_config *a, const vc_memory_config *b)
{
    return a->model == b->model &&
           (a->model == VC_MEMORY_BANDWIDTH ? a->bytes_per_second == b->bytes_per_second
                                            : memcmp(&a->dram, &b->dram, sizeof a->dram) == 0);
}

/* Whether a chip has ViTCoD's MACs, clock and scratchpads, and the memory that all have. */
static const char *setting_of(const pairing *r, const compare_options *o,
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

static json_t *row_json(const comparison *c, const pairing *r, const compare_options *o,
                        const vc_memory_config *memory)
{
    const pairing *base = ours(c, r);
    json_t *one =
        json_pack("{s:o, s:f, s:f, s:s, s:s, s:o, s:o}", "arch", cli_text(r->scene->arch),
                  "sparsity", r->scene->sparsity, "kept_share", r->scene->kept, "chip",
                  r->chip.chip.name, "setting", setting_of(r, o, memory), "attention",
                  cli_point_json(&r->attention), "accelerator", vc_accelerator_json(&r->chip));
    cli_add_plan_hash(one, &r->scene->plan);
    json_object_set_new(one, "dynamic_sparsity_from",
                        json_string(r->scene->seen.layer_count ? "attention maps" : "the mask"));
    if (!o->attention_only)
        json_object_set_new(one, "end_to_end", cli_point_json(&r->end_to_end));
    if (base) {
        json_object_set_new(one, "attention_times_vitcod",
                            json_real(r->attention.time_us / base->attention.time_us));
        json_object_set_new(one, "energy_times_vitcod",
                            json_real(r->attention.energy_uj / base->attention.energy_uj));
        if (!o->attention_only)
            json_object_set_new(one, "end_to_end_times_vitcod",
                                json_real(r->end_to_end.time_us / base->end_to_end.time_us));
    }
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

static vc_status compare(json_t *result, const compare_options *o)
{
    comparison c = {0};
    vc_memory_config memory = vc_memory_config_default();
    vc_status status =
        o->memory ? vc_memory_config_read(&memory, o->memory) : VC_OK; /* that all have */
    if (status == VC_OK)
        status = open_scenes(&c, o);
    if (status == VC_OK)
        status = open_rows(&c, o);
    if (status == VC_OK)
        status = run_rows(&c, o);
    json_t *rows = json_array();
    for (size_t i = 0; status == VC_OK && i < c.row_count; i++)
        json_array_append_new(rows, row_json(&c, &c.rows[i], o, &memory));
    json_object_set_new(result, "rows", rows);
    json_object_set_new(result, "paper", paper_json());
    for (size_t i = 0; i < c.scene_count; i++)
        close_scene(&c.scenes[i]);
    free(c.scenes);
    free(c.rows);
    return status;
}

/* ---- text */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void print_ratio(const json_t *row, const char *key)
{
    if (json_object_get(row, key))
        printf(" %8.2f", number(row, key));
    else
        printf(" %8s", "");
}

static void print_row(const json_t *row)
{
    const json_t *attention = json_object_get(row, "attention"),
                 *all = json_object_get(row, "end_to_end");
    printf("  %-22s %11.0f", text_of(row, "chip"), number(attention, "cycles"));
    print_ratio(row, "attention_times_vitcod");
    printf(" %6.1f%% %9.1f", 100.0 * number(attention, "mac_utilisation"),
           number(attention, "dram_bytes") / 1024.0);
    printf(" %9.1f", number(attention, "energy_uj"));
    print_ratio(row, "energy_times_vitcod");
    if (all) {
        printf(" %11.0f", number(all, "cycles"));
        print_ratio(row, "end_to_end_times_vitcod");
    }
    printf("  %s\n", text_of(row, "setting"));
}

static void print_text(const json_t *result)
{
    size_t i;
    json_t *row;
    const char *arch = "";
    double sparsity = -1.0;
    json_array_foreach (json_object_get(result, "rows"), i, row) {
        if (strcmp(arch, text_of(row, "arch")) != 0 || sparsity != number(row, "sparsity")) {
            arch = text_of(row, "arch");
            sparsity = number(row, "sparsity");
            printf("%s%s, sparsity %g (%.1f %% of scores kept; dynamic sparsity from %s)\n",
                   i ? "\n" : "", arch, sparsity, 100.0 * number(row, "kept_share"),
                   text_of(row, "dynamic_sparsity_from"));
            printf("  %-22s %11s %8s %7s %9s %9s %8s%s\n", "", "attention", "x vitcod", "MACs",
                   "DRAM KiB", "uJ", "x vitcod",
                   json_object_get(row, "end_to_end") ? "  end to end x vitcod" : "");
        }
        print_row(row);
    }
    puts(
        "\nThe paper (HPCA 2023), attention: reorder only / prune + reorder 5.14 (8.14 at 0.9), prune only / "
        "prune + reorder 2.59 (2.03), SpAtten / ViTCoD 10.1 and Sanger / ViTCoD 6.8 at 0.9.");
}

/* ---- arguments */

static vc_status split_lists(compare_options *o, const cli_arguments *arguments)
{
    char chips[1024];
    if (o->arch)
        VC_TRY(cli_split_names(&o->archs, "--arch", o->arch));
    for (size_t i = 0; i < arguments->count; i++)
        VC_TRY(cli_split_names(&o->archs, "--arch", arguments->positional[i]));
    if (o->sparsity)
        VC_TRY(cli_split_numbers(&o->sparsities, "--sparsity", o->sparsity, 0.0, 1.0));
    if ((size_t)snprintf(chips, sizeof chips, "%s%s%s", o->chips ? o->chips : default_chips,
                         o->published ? "," : "",
                         o->published ? published_chips : "") >= sizeof chips)
        return vc_fail(VC_EINVAL, "--chips is longer than %zu characters", sizeof chips);
    return cli_split_names(&o->chip_names, "--chips", chips);
}

static int wants_masks(const compare_options *o)
{
    for (size_t i = 0; !o->masks && i < o->archs.count; i++)
        if (!is_file(o->archs.names[i]))
            return 1;
    return o->archs.count == 0;
}

static int run_compare(const cli_command *command, int argc, char **argv)
{
    compare_options o = {.token_keep = NAN, .flat = 0.1, .threshold = VC_POLARIZE_THRESHOLD};
    const cli_option options[] = {
        {"arch", "NAME",
         "models: timm's names, or files with a plan inside; commas or spaces between", CLI_TEXT,
         &o.arch},
        {"masks", "DIR", "DIR/ARCH/0.9.npy, DIR/ARCH/0.9/ (LeViT), or as ViTCoD has them", CLI_TEXT,
         &o.masks},
        {"attention", "DIR", "real attention, DIR/ARCH.npy or DIR/ARCH/, for Sanger and SpAtten",
         CLI_TEXT, &o.attention},
        {"sparsity", "X,..", "pruned shares (default: those of 0.6 to 0.95 that have masks)",
         CLI_TEXT, &o.sparsity},
        {"chips", "NAME,..", "built-in chips or YAML files (default: all on an equal substrate)",
         CLI_TEXT, &o.chips},
        {"published", NULL, "Sanger and SpAtten with their own MACs, clocks and memories as well",
         CLI_FLAG, &o.published},
        {"memory", "FILE", "another memory behind every chip (configs/memory)", CLI_TEXT,
         &o.memory},
        {"token-keep", "X", "SpAtten: share of tokens kept (default: as many scores as the mask)",
         CLI_NUMBER, &o.token_keep},
        {"flat", "X",
         "SpAtten: a row whose highest score is lower wants the low bits (default 0.1)", CLI_NUMBER,
         &o.flat},
        {"threshold", "N",
         "a column that keeps more is global (default " CLI_NUMERAL(VC_POLARIZE_THRESHOLD) ")",
         CLI_COUNT, &o.threshold},
        {"attention-only", NULL, "not end to end", CLI_FLAG, &o.attention_only},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, CLI_MOST_LIST, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!isnan(o.token_keep) && !(o.token_keep > 0.0 && o.token_keep <= 1.0))
        return cli_usage(command, "--token-keep is %g, wanted more than 0, up to 1", o.token_keep);
    if (split_lists(&o, &arguments) != VC_OK)
        return cli_usage(command, "%s", vc_last_error());
    if (wants_masks(&o))
        return cli_usage(command,
                         "wanted --arch NAME and --masks DIR, or a MODEL with a plan inside");
    json_t *result = cli_result(command, &common);
    return cli_finish(result, compare(result, &o), common.json, print_text);
}

const cli_command cmd_compare = {
    "compare", "ViTCoD's chip, its ablation and its rivals on equal terms",
    "--arch NAME.. --masks DIR [--sparsity X,..] | MODEL..",
    "Simulates every chip with the same MACs, clock, scratchpads, memory and masks: attention and end to\n"
    "end, bytes, energy, and how many times ViTCoD's time and energy. Sanger keeps the scores that the\n"
    "mask keeps, or, with --attention, as many of the highest of real attention. SpAtten keeps so many\n"
    "tokens that as many scores are left. A model's file runs on its own plan, with its own auto-encoder. docs/simulator.md, part E, numbers every assumption.",
    run_compare, NULL};
