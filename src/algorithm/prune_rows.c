/* The rules `ratio`, `std` and `random`. */
#include <math.h>
#include <string.h>

#include "prune_impl.h"
#include "row_order.h"
#include "vitcod/rng.h"

size_t vc__highest_of(const float *row, size_t keys)
{
    size_t highest = 0;
    for (size_t k = 1; k < keys; k++)
        highest = row[k] > row[highest] ? k : highest;
    return highest;
}

void vc__prune_ratio(const vc__pruning *p)
{
    const size_t keys = p->keys;
    /* Pruned are the ranks 0, 1, .. below this product. */
    const double wanted = ceil(p->strength * (double)keys);
    const size_t kept = wanted < (double)keys ? keys - (size_t)wanted : 0;
    for (size_t q = 0; q < p->queries; q++) {
        if (p->settled && p->settled[q])
            continue;
        const float *row = p->map + q * keys;
        uint8_t *pruned = p->pruned + q * keys;
        int32_t last = 0;
        memset(pruned, 1, keys);
        vc__row_heap(p->order, row, keys);
        for (size_t i = 0; i < kept; i++) {
            last = vc__row_take(p->order, keys - i, row);
            pruned[last] = 0;
        }
        if (kept > 0)
            vc__row_settle_ties(pruned, p->order, last, kept, row, keys, p->ties);
    }
}

/* The sum of (v - less)^power in float32, in the order in which NumPy adds a row: blocks of at most
 * 128 by eight sums, and halves of what is longer. */
static float sum_in_pairs(const float *v, size_t count, float less, int power)
{
    enum { BLOCK = 128, SUMS = 8 };
    if (count > BLOCK) {
        const size_t half = count / 2 / SUMS * SUMS;
        return sum_in_pairs(v, half, less, power) +
               sum_in_pairs(v + half, count - half, less, power);
    }
    float s[SUMS] = {0.0f}, sum = 0.0f;
    const size_t whole = count / SUMS * SUMS;
    for (size_t i = 0; i < whole; i++) {
        const float d = v[i] - less;
        s[i % SUMS] += power == 2 ? d * d : d;
    }
    sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    for (size_t i = whole; i < count; i++) {
        const float d = v[i] - less;
        sum += power == 2 ? d * d : d;
    }
    return sum;
}

/* In float32 from start to end, as the published code computes with float32 maps. */
void vc__prune_std(const vc__pruning *p)
{
    const float count = (float)p->keys;
    for (size_t q = 0; q < p->queries; q++) {
        const float *row = p->map + q * p->keys;
        uint8_t *pruned = p->pruned + q * p->keys;
        const float mean = sum_in_pairs(row, p->keys, 0.0f, 1) / count;
        const float deviation = sqrtf(sum_in_pairs(row, p->keys, mean, 2) / count);
        const float least = mean + (float)p->strength * deviation;
        for (size_t k = 0; k < p->keys; k++)
            pruned[k] = row[k] < least;
    }
}

/* For the same map the same entries are kept, and fewer of them as the share of pruned ones
 * rises. */
void vc__prune_random(const vc__pruning *p)
{
    uint32_t seed = 0;
    memcpy(&seed, p->map, sizeof seed);
    vc_rng rng = vc_rng_open(seed, 31, 0);
    for (size_t q = 0; q < p->queries; q++) {
        uint8_t *pruned = p->pruned + q * p->keys;
        size_t last = 0;
        double highest = -1.0;
        for (size_t k = 0; k < p->keys; k++) {
            const double chance = vc_rng_uniform(&rng);
            pruned[k] = chance < p->strength;
            last = chance > highest ? k : last;
            highest = chance > highest ? chance : highest;
        }
        pruned[last] = 0;
    }
}
