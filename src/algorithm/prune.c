#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prune_impl.h"

static const vc_prune_rule rules[] = {
    {"info", vc__prune_info},
};

vc_prune_options vc_prune_options_default(void)
{
    return (vc_prune_options){
        .rule = "info", .info = -1.0, .sparsity = -1.0, .keep_class_token = 1};
}

static const vc_prune_rule *find_rule(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

static vc_status check(const vc_maps *maps, const vc_prune_options *o, const char *path)
{
    if (!find_rule(o->rule))
        return vc_fail(VC_EINVAL, "pruning rule '%s' is unknown, wanted info", o->rule);
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

static double sparsity_of(const vc_mask *mask)
{
    double count = (double)(mask->layers * mask->heads * mask->queries * mask->keys);
    return 1.0 - (double)vc_mask_kept(mask) / count;
}

/* Prunes every map; returns the share of pruned entries. `orders`: room for 2 Tk per map. */
static double prune_all(vc_mask *mask, int32_t *orders, const vc_maps *maps,
                        const vc_prune_options *o, double strength)
{
    const vc_prune_rule *rule = find_rule(o->rule);
    size_t entries = maps->queries * maps->keys;
#pragma omp parallel for schedule(static)
    for (size_t m = 0; m < maps->layers * maps->heads; m++) {
        uint8_t *pruned = mask->pruned + m * entries;
        rule->prune(pruned, orders + m * 2 * maps->keys, maps->values + m * entries, maps->queries,
                    maps->keys, strength);
        if (o->keep_class_token)
            keep_first(pruned, maps->queries, maps->keys);
    }
    return sparsity_of(mask);
}

/* The cut whose sparsity comes nearest to the wanted one: sparsity falls as the cut rises. */
static vc_status bisect(vc_mask *mask, vc_prune_report *report, int32_t *orders,
                        const vc_maps *maps, const vc_prune_options *o, const char *path)
{
    const double most_cut = 1.01;   /* rows of attention sum to 1 */
    const double tolerance = 0.002; /* of all entries; a row's cut moves in steps of one entry */
    double low = 0.0, high = most_cut;
    double most = prune_all(mask, orders, maps, o, low);
    if (o->sparsity > most + tolerance)
        return vc_fail(
            VC_EINVAL,
            "%s: a sparsity of %g is out of reach: %g is the most that rule %s prunes here", path,
            o->sparsity, most, o->rule);
    for (int i = 0; i < 40; i++) {
        double middle = 0.5 * (low + high);
        if (prune_all(mask, orders, maps, o, middle) >= o->sparsity)
            low = middle;
        else
            high = middle;
    }
    double above = prune_all(mask, orders, maps, o, low);
    double below = prune_all(mask, orders, maps, o, high);
    *report = (vc_prune_report){high, below};
    if (above - o->sparsity <= o->sparsity - below)
        *report = (vc_prune_report){low, prune_all(mask, orders, maps, o, low)};
    if (fabs(report->sparsity - o->sparsity) > 1.0 / (double)maps->keys)
        return vc_fail(VC_EINVAL,
                       "%s: no info cut up to %g comes nearer to a sparsity of %g than %g", path,
                       most_cut, o->sparsity, report->sparsity);
    return VC_OK;
}

vc_status vc_prune(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                   const vc_prune_options *o, const char *path)
{
    *out = (vc_mask){0};
    VC_TRY(check(maps, o, path));
    VC_TRY(vc_mask_open(out, maps->layers, maps->heads, maps->queries, maps->keys));
    int32_t *orders = malloc(maps->layers * maps->heads * 2 * maps->keys * sizeof *orders);
    vc_status status = orders ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK && o->info >= 0.0)
        *report = (vc_prune_report){o->info, prune_all(out, orders, maps, o, o->info)};
    else if (status == VC_OK)
        status = bisect(out, report, orders, maps, o, path);
    free(orders);
    if (status != VC_OK)
        vc_mask_close(out);
    return status;
}
