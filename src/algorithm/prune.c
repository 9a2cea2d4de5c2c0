#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prune_impl.h"

/* The first is the default. */
static const vc_prune_rule rules[] = {
    {"info", "info cut", vc__prune_info, 1.01, 0.0, 0, 1, 1}, /* rows of attention sum to 1 */
    {"threshold", "threshold", vc__prune_threshold, 0.0, 1.01, 1, 0, 1},
    {"ratio", "share of each row", vc__prune_ratio, 0.0, 1.0, 0, 1, 1},
    {"std", "standard deviations above the mean", vc__prune_std, -8.0, 64.0, 0, 0, 0},
    {"random", "share drawn", vc__prune_random, 0.0, 1.0, 0, 0, 0},
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

const char *vc_prune_rule_name(size_t index)
{
    return index < RULES ? rules[index].name : NULL;
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

const char *vc_prune_strength_name(const char *rule)
{
    return find_rule(rule)->strength;
}

int vc_prune_keeps_class_token(const char *rule)
{
    const vc_prune_rule *r = find_rule(rule);
    return !r || r->keeps_class_token;
}

static const char *const tie_names[] = {"numpy", "stable"};

int vc_prune_ties_of(vc_prune_ties *out, const char *name)
{
    for (size_t i = 0; i < sizeof tie_names / sizeof *tie_names; i++)
        if (strcmp(name, tie_names[i]) == 0) {
            *out = (vc_prune_ties)i;
            return 1;
        }
    return 0;
}

const char *vc_prune_ties_name(vc_prune_ties ties)
{
    return tie_names[ties];
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

static void keep_first(const vc__pruning *p)
{
    memset(p->pruned, 0, p->keys);
    for (size_t q = 0; q < p->queries; q++)
        p->pruned[q * p->keys] = 0;
}

/* A row that keeps nothing has no softmax. Returns how many have got their highest score. */
static size_t fill_empty_rows(const vc__pruning *p)
{
    size_t filled = 0;
    for (size_t q = 0; q < p->queries; q++) {
        uint8_t *pruned = p->pruned + q * p->keys;
        if (memchr(pruned, 0, p->keys))
            continue;
        pruned[vc__highest_of(p->map + q * p->keys, p->keys)] = 0;
        filled++;
    }
    return filled;
}

/* All groups of a model, which are pruned with one strength. */
typedef struct job {
    vc_mask *masks;
    const vc_maps *maps;
    size_t count;
    int32_t *orders; /* room for ordering a row of each map of the largest group */
    const vc_prune_options *options;
    const char *path;
    /* (rows of all groups) while a strength is searched, else NULL: what a row keeps at both ends
     * of the search; where that is the same, so is the row. */
    uint32_t *kept_low, *kept_high;
    uint8_t *settled;
} job;

static size_t rows_of(const job *j, size_t groups)
{
    size_t rows = 0;
    for (size_t g = 0; g < groups; g++)
        rows += j->masks[g].layers * j->masks[g].heads * j->masks[g].queries;
    return rows;
}

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

/* Returns how many rows would have been empty. */
static size_t prune_group(const job *j, size_t group, double strength)
{
    size_t empty = 0;
    const vc_prune_rule *rule = find_rule(j->options->rule);
    const vc_maps *maps = &j->maps[group];
    size_t entries = maps->queries * maps->keys;
    const uint8_t *settled = j->settled ? j->settled + rows_of(j, group) : NULL;
#pragma omp parallel for schedule(static) reduction(+ : empty)
    for (size_t m = 0; m < maps->layers * maps->heads; m++) {
        const vc__pruning p = {.pruned = j->masks[group].pruned + m * entries,
                               .map = maps->values + m * entries,
                               .queries = maps->queries,
                               .keys = maps->keys,
                               .strength = strength,
                               .ties = j->options->ties,
                               .order = j->orders + m * maps->keys,
                               .settled = settled ? settled + m * maps->queries : NULL};
        rule->prune(&p);
        if (j->options->keep_class_token)
            keep_first(&p);
        empty += fill_empty_rows(&p);
    }
    return empty;
}

/* Whether of equal scores one is kept and one pruned. Without those that are kept anyway. */
static size_t parts_a_tie(const uint8_t *pruned, const float *row, size_t first, size_t keys)
{
    float lowest_kept = INFINITY, highest_pruned = -1.0f;
    for (size_t k = first; k < keys; k++)
        if (pruned[k])
            highest_pruned = fmaxf(highest_pruned, row[k]);
        else
            lowest_kept = fminf(lowest_kept, row[k]);
    return lowest_kept == highest_pruned;
}

static size_t tied_rows(const job *j)
{
    const size_t first = j->options->keep_class_token != 0;
    size_t tied = 0;
    for (size_t g = 0; find_rule(j->options->rule)->of_ranks && g < j->count; g++) {
        const vc_maps *m = &j->maps[g];
        for (size_t row = 0; row < m->layers * m->heads * m->queries; row++)
            tied += parts_a_tie(j->masks[g].pruned + row * m->keys, m->values + row * m->keys,
                                first, m->keys);
    }
    return tied;
}

/* Prunes every map, with `cuts` or, where they are NULL, with one strength. */
static vc_prune_report prune_with(const job *j, const double *cuts, double strength)
{
    vc_prune_report report = {.info = cuts ? cuts[0] : strength};
    for (size_t g = 0; g < j->count; g++)
        report.empty_rows += prune_group(j, g, cuts ? cuts[g] : strength);
    report.sparsity = sparsity_of(j);
    return report;
}

/* Returns the share of pruned entries. */
static double prune_all(const job *j, double strength)
{
    return prune_with(j, NULL, strength).sparsity;
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

/* Counts what rows keep now, at one end of the search. */
static void note_rows(const job *j, uint32_t *kept)
{
    for (size_t g = 0, base = 0; g < j->count; base = rows_of(j, ++g)) {
        const vc_mask *m = &j->masks[g];
        const size_t rows = m->layers * m->heads * m->queries;
#pragma omp parallel for schedule(static)
        for (size_t r = 0; r < rows; r++) {
            uint32_t count = 0;
            for (size_t k = 0; k < m->keys; k++)
                count += !m->pruned[r * m->keys + k];
            kept[base + r] = count;
            j->settled[base + r] = j->kept_low[base + r] == j->kept_high[base + r];
        }
    }
}

/* Finds the strength whose sparsity is nearest to the wanted one. Sparsity is monotonic in the
 * strength, and so is what a row keeps. */
static vc_status search(double *low_out, double *high_out, const job *j)
{
    enum { ROUNDS = 40 };
    const vc_prune_options *o = j->options;
    const double tolerance = 0.002; /* share of all entries */
    const vc_prune_rule *rule = find_rule(o->rule);
    double low = strictest(rule, j), high = rule->loosest, most = prune_all(j, low);
    if (o->sparsity > most + tolerance)
        return vc_fail(
            VC_EINVAL,
            "%s: a sparsity of %g is out of reach: %g is the most that rule %s prunes here",
            j->path, o->sparsity, most, o->rule);
    memset(j->kept_high, 0xff, rows_of(j, j->count) * sizeof *j->kept_high); /* not yet known */
    note_rows(j, j->kept_low);
    for (size_t i = 0; i < ROUNDS; i++) {
        if (o->on_round && o->on_round(o->context, i, ROUNDS))
            return vc_fail(VC_EINTR, "%s: pruning was stopped after %zu rounds", j->path, i);
        const double middle = (float)(0.5 * (low + high)); /* as fine as the scores */
        if (middle == low || middle == high)
            break;
        const int strict = prune_all(j, middle) >= o->sparsity;
        *(strict ? &low : &high) = middle;
        note_rows(j, strict ? j->kept_low : j->kept_high);
    }
    *low_out = low;
    *high_out = high;
    return VC_OK;
}

/* The nearer end of the search. */
static vc_status bisect(vc_prune_report *report, job *j)
{
    const vc_prune_options *o = j->options;
    const vc_prune_rule *rule = find_rule(o->rule);
    const size_t rows = rows_of(j, j->count);
    double low = 0.0, high = 0.0;
    j->settled = calloc(rows + 1, 1);
    j->kept_low = malloc((2 * rows + 1) * sizeof *j->kept_low);
    j->kept_high = j->kept_low ? j->kept_low + rows : NULL;
    const vc_status status = j->settled && j->kept_low
                                 ? search(&low, &high, j)
                                 : vc_fail(VC_ENOMEM, "out of memory for %zu rows", rows);
    free(j->settled);
    free(j->kept_low);
    j->settled = NULL;
    j->kept_low = j->kept_high = NULL;
    VC_TRY(status);
    const double above = prune_all(j, low);
    *report = prune_with(j, NULL, high);
    if (above - o->sparsity <= o->sparsity - report->sparsity)
        *report = prune_with(j, NULL, low);
    if (fabs(report->sparsity - o->sparsity) > 1.0 / (double)j->maps[0].keys)
        return vc_fail(
            VC_EINVAL,
            "%s: no strength of rule %s from %g to %g comes nearer to a sparsity of %g than %g",
            j->path, o->rule, rule->loosest, strictest(rule, j), o->sparsity, report->sparsity);
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
    if (status == VC_OK && o->sparsity >= 0.0)
        status = bisect(report, &j);
    else if (status == VC_OK)
        *report = prune_with(&j, cuts, o->info);
    if (status == VC_OK)
        report->tied_rows = tied_rows(&j);
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
