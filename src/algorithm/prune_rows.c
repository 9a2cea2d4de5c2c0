/* The rules `ratio`, `std` and `random`. */
#include <math.h>
#include <string.h>

#include "prune_impl.h"
#include "vitcod/rng.h"

static size_t highest_of(const float *row, size_t keys)
{
    size_t highest = 0;
    for (size_t k = 1; k < keys; k++)
        highest = row[k] > row[highest] ? k : highest;
    return highest;
}

/* Orders scores. Of two equal ones the later is the higher, as in rule `info`. */
static int ranks_before(const float *row, size_t a, size_t b)
{
    const float x = row[a], y = row[b];
    return x > y || (x == y && a > b);
}

void vc__prune_ratio(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                     double share)
{
    const size_t wanted = (size_t)lround((1.0 - share) * (double)keys), kept = wanted ? wanted : 1;
    for (size_t q = 0; q < queries; q++) {
        const float *row = map + q * keys;
        size_t count = 0; /* order[0..count) are the highest so far, descending */
        memset(pruned + q * keys, 1, keys);
        for (size_t k = 0; k < keys; k++) {
            size_t at = count < kept ? count++ : kept;
            if (at == kept) {
                if (!ranks_before(row, k, (size_t)order[kept - 1]))
                    continue;
                at = kept - 1;
            }
            for (; at > 0 && ranks_before(row, k, (size_t)order[at - 1]); at--)
                order[at] = order[at - 1];
            order[at] = (int32_t)k;
        }
        for (size_t i = 0; i < count; i++)
            pruned[q * keys + (size_t)order[i]] = 0;
    }
}

void vc__prune_std(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                   double deviations)
{
    (void)order;
    for (size_t q = 0; q < queries; q++) {
        const float *row = map + q * keys;
        double sum = 0.0, squares = 0.0;
        for (size_t k = 0; k < keys; k++)
            sum += row[k];
        const double mean = sum / (double)keys;
        for (size_t k = 0; k < keys; k++)
            squares += ((double)row[k] - mean) * ((double)row[k] - mean);
        const double least = mean + deviations * sqrt(squares / (double)keys);
        for (size_t k = 0; k < keys; k++)
            pruned[q * keys + k] = (double)row[k] < least;
        pruned[q * keys + highest_of(row, keys)] = 0;
    }
}

/* For the same map the same entries are kept, and fewer of them as the share of pruned ones
 * rises. */
void vc__prune_random(uint8_t *pruned, int32_t *order, const float *map, size_t queries,
                      size_t keys, double share)
{
    (void)order;
    uint32_t seed = 0;
    memcpy(&seed, map, sizeof seed < keys * sizeof *map ? sizeof seed : keys * sizeof *map);
    vc_rng rng = vc_rng_open(seed, 31, 0);
    for (size_t q = 0; q < queries; q++) {
        size_t last = 0;
        double highest = -1.0;
        for (size_t k = 0; k < keys; k++) {
            const double chance = vc_rng_uniform(&rng);
            pruned[q * keys + k] = chance < share;
            last = chance > highest ? k : last;
            highest = chance > highest ? chance : highest;
        }
        pruned[q * keys + last] = 0;
    }
}
