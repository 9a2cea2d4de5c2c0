#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prune_impl.h"

/* The first is the default. */
static const vc_prune_rule rules[] = {
    {"info", vc__prune_info, 1.01, 0.0, 0}, /* rows of attention sum to 1 */
    {"threshold", vc__prune_threshold, 0.0, 1.01, 1},
    {"ratio", vc__prune_ratio, 0.0, 1.0, 0},
    {"std", vc__prune_std, -8.0, 64.0, 0},
    {"random", vc__prune_random, 0.0, 1.0, 0},
};
enum { RULES = sizeof rules / sizeof *rules };

vc_prune_options vc_prune_options_default(void)
{
    return (vc_prune_options){
        .rule = rules[0].name, .info = -1.0, .sparsity = -1.0, .keep_class_token = 1};
}

static const vc_prune_rule *find_rule(const char *name)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

int vc_prune_is_rule(const char *name)
{
    return find_rule(name) != NULL;
}

const char *vc_prune_rules(char text[VC_PRUNE_RULES_TEXT])
{
    size_t used = 0;
    for (size_t i = 0; i < RULES && used < VC_PRUNE_RULES_TEXT; i++)
        used += (size_t)snprintf(text + used, VC_PRUNE_RULES_TEXT - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == RULES ? " or "
                                                  : ", ",
                                 rules[i].name);
    return text;
}

int vc_prune_is_budget(const char *name)
{
    return strcmp(name, VC_PRUNE_BUDGET) == 0;
}

static vc_status check_options(const vc_maps *maps, const vc_prune_options *o, const char *path)
{
    char all[VC_PRUNE_RULES_TEXT];
    if (!find_rule(o->rule))
        return vc_fail(VC_EINVAL, "pruning rule '%s' is unknown, wanted %s", o->rule,
                       vc_prune_rules(all));
    if ((o->info < 0.0) == (o->sparsity < 0.0))
        return vc_fail(VC_EINVAL, "info cut %g and sparsity %g, wanted exactly one of them",
                       o->info, o->sparsity);
    if (o->sparsity > 1.0)
        return vc_fail(VC_EINVAL, "sparsity %g, wanted 0 to 1", o->sparsity);
    size_t count = maps->layers * maps->heads * maps->queries * maps->keys;
    for (size_t i = 0; i < count; i++)
        if (!(maps->values[i] >= 0.0f) || !isfinite(maps->values[i])) {
            size_t row = i / maps->keys, map = row / maps->queries;
            return vc_fail(
                VC_EINVAL,
                "%s: layer %zu head %zu row %zu column %zu is %g, wanted a mean attention "
                "of 0 or more",
                path, map / maps->heads, map % maps->heads, row % maps->queries, i % maps->keys,
                (double)maps->values[i]);
        }
    return VC_OK;
}

static void keep_first(uint8_t *pruned, size_t queries, size_t keys)
{
    memset(pruned, 0, keys);
    for (size_t q = 0; q < queries; q++)
        pruned[q * keys] = 0;
}

/* All groups of a model, which are pruned with one strength. */
typedef struct job {
    vc_mask *masks;
    const vc_maps *maps;
    size_t count;
    int32_t *orders; /* room for ordering a row of each map of the largest group */
    const vc_prune_options *options;
    const char *path;
} job;

static double sparsity_of(const job *j)
{
    double count = 0.0, kept = 0.0;
    for (size_t g = 0; g < j->count; g++) {
        const vc_mask *m = &j->masks[g];
        count += (double)(m->layers * m->heads * m->queries * m->keys);
        kept += (double)vc_mask_kept(m);
    }
    return 1.0 - kept / count;
}

static void prune_group(const job *j, size_t group, double strength)
{
    const vc_prune_rule *rule = find_rule(j->options->rule);
    const vc_maps *maps = &j->maps[group];
    size_t entries = maps->queries * maps->keys;
#pragma omp parallel for schedule(static)
    for (size_t m = 0; m < maps->layers * maps->heads; m++) {
        uint8_t *pruned = j->masks[group].pruned + m * entries;
        rule->prune(pruned, j->orders + m * maps->keys, maps->values + m * entries, maps->queries,
                    maps->keys, strength);
        if (j->options->keep_class_token)
            keep_first(pruned, maps->queries, maps->keys);
    }
}

/* Prunes every map; returns the share of pruned entries. */
static double prune_all(const job *j, double strength)
{
    for (size_t g = 0; g < j->count; g++)
        prune_group(j, g, strength);
    return sparsity_of(j);
}

/* The strictest strength. Where it is compared with scores, it is at least the highest score:
 * attention that has been weighted may exceed 1. */
static double strictest(const vc_prune_rule *rule, const job *j)
{
    double highest = rule->strictest;
    for (size_t g = 0; rule->of_scores && g < j->count; g++) {
        const vc_maps *m = &j->maps[g];
        for (size_t i = 0; i < m->layers * m->heads * m->queries * m->keys; i++)
            highest = (double)m->values[i] > highest ? (double)m->values[i] : highest;
    }
    return highest;
}

/* Finds the strength whose sparsity is nearest to the wanted one. Sparsity is monotonic in the
 * strength. */
static vc_status bisect(vc_prune_report *report, const job *j)
{
    enum { ROUNDS = 40 };
    const vc_prune_options *o = j->options;
    const double tolerance = 0.002; /* share of all entries */
    const vc_prune_rule *rule = find_rule(o->rule);
    const double strict = strictest(rule, j);
    double low = strict, high = rule->loosest, most = prune_all(j, low);
    if (o->sparsity > most + tolerance)
        return vc_fail(
            VC_EINVAL,
            "%s: a sparsity of %g is out of reach: %g is the most that rule %s prunes here",
            j->path, o->sparsity, most, o->rule);
    for (size_t i = 0; i < ROUNDS; i++) {
        if (o->on_round)
            o->on_round(o->context, i, ROUNDS);
        const double middle = (float)(0.5 * (low + high)); /* rules compare in float32 */
        if (middle == low || middle == high)
            break;
        if (prune_all(j, middle) >= o->sparsity)
            low = middle;
        else
            high = middle;
    }
    double above = prune_all(j, low), below = prune_all(j, high);
    *report = (vc_prune_report){high, below};
    if (above - o->sparsity <= o->sparsity - below)
        *report = (vc_prune_report){low, prune_all(j, low)};
    if (fabs(report->sparsity - o->sparsity) > 1.0 / (double)j->maps[0].keys)
        return vc_fail(
            VC_EINVAL,
            "%s: no strength of rule %s from %g to %g comes nearer to a sparsity of %g than %g",
            j->path, o->rule, rule->loosest, strict, o->sparsity, report->sparsity);
    return VC_OK;
}

static vc_status prune_with_cuts(vc_prune_report *report, const job *j, const double *cuts)
{
    for (size_t g = 0; g < j->count; g++)
        prune_group(j, g, cuts ? cuts[g] : j->options->info);
    *report = (vc_prune_report){cuts ? cuts[0] : j->options->info, sparsity_of(j)};
    return VC_OK;
}

static vc_status open_job(job *j)
{
    size_t most = 0;
    for (size_t g = 0; g < j->count; g++) {
        const vc_maps *m = &j->maps[g];
        size_t wanted = m->layers * m->heads * m->keys;
        VC_TRY(check_options(m, j->options, j->path));
        VC_TRY(vc_mask_open(&j->masks[g], m->layers, m->heads, m->queries, m->keys));
        most = wanted > most ? wanted : most;
    }
    j->orders = malloc(most * sizeof *j->orders);
    return j->orders ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

vc_status vc_prune_groups(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                          const double *cuts, size_t count, const vc_prune_options *o,
                          const char *path)
{
    job j = {.masks = out, .maps = maps, .count = count, .options = o, .path = path};
    for (size_t g = 0; g < count; g++)
        out[g] = (vc_mask){0};
    vc_status status = open_job(&j);
    if (status == VC_OK)
        status = o->sparsity >= 0.0 ? bisect(report, &j) : prune_with_cuts(report, &j, cuts);
    free(j.orders);
    for (size_t g = 0; status != VC_OK && g < count; g++)
        vc_mask_close(&out[g]);
    return status;
}

vc_status vc_prune(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                   const vc_prune_options *o, const char *path)
{
    return vc_prune_groups(out, report, maps, NULL, 1, o, path);
}

vc_status vc_prune_set(vc_mask_set *out, vc_prune_report *report, const vc_map_set *maps,
                       const double *cuts, const vc_prune_options *options, const char *path)
{
    const vc_group_files *files = &maps->files;
    VC_TRY(vc_mask_set_open(out, files->count));
    for (size_t g = 0; g < files->count; g++)
        memcpy(out->names[g].text, files->files[g].name, sizeof out->names[g].text);
    const vc_status status =
        vc_prune_groups(out->masks, report, maps->maps, cuts, files->count, options, path);
    if (status != VC_OK)
        vc_mask_set_close(out);
    return status;
}
