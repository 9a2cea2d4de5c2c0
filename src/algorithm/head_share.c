/* A budget of scores shared out to heads by their curves. */
#include <math.h>
#include <stdlib.h>

#include "vitcod/head_curves.h"

enum { LEVELS = VC_CURVE_LEVELS };

/* The loss of a head at a level, by its mean over the images. */
static double loss_at(const vc_head_curves *c, size_t layer, size_t choice, size_t head,
                      size_t level)
{
    const vc_curve_layer *l = &c->layers[layer];
    return l->loss[(choice * l->heads + head) * LEVELS + level] / (double)c->images;
}

static double summary_scores(const vc_curve_layer *l, size_t choice)
{
    return (double)vc_pooling_scores(&l->summaries[choice]->pooling, l->heads, l->queries, l->keys);
}

/* The level where loss + price * kept is least; of equal ones the first. */
static size_t best_level(const vc_head_curves *c, size_t layer, size_t choice, size_t head,
                         double price)
{
    const uint64_t *kept = c->layers[layer].kept + head * LEVELS;
    size_t best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < LEVELS; i++) {
        const double cost = loss_at(c, layer, choice, head, i) + price * (double)kept[i];
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    return best;
}

/* The best of a layer at a price: its choice and the level of each head. Returns the scores. */
static double settle_layer(size_t *choice, size_t *levels, const vc_head_curves *c, size_t layer,
                           double price, int chooses)
{
    const vc_curve_layer *l = &c->layers[layer];
    double least = INFINITY, scores = 0.0;
    for (size_t k = 0; chooses && k < c->choices; k++) {
        if (!l->summaries[k])
            continue;
        double cost = price * summary_scores(l, k);
        for (size_t h = 0; h < l->heads; h++) {
            const size_t i = best_level(c, layer, k, h, price);
            cost += loss_at(c, layer, k, h, i) + price * (double)l->kept[h * LEVELS + i];
        }
        if (cost < least) {
            least = cost;
            *choice = k;
        }
    }
    scores = summary_scores(l, *choice);
    for (size_t h = 0; h < l->heads; h++) {
        levels[h] = best_level(c, layer, *choice, h, price);
        scores += (double)l->kept[h * LEVELS + levels[h]];
    }
    return scores;
}

/* All layers; returns the scores. `choose` (layers): whether a layer's summaries are free. */
static double settle(size_t *choice, size_t *levels, const vc_head_curves *c, double price,
                     const uint8_t *choose)
{
    double scores = 0.0;
    for (size_t l = 0, first = 0; l < c->layer_count; first += c->layers[l++].heads)
        scores += settle_layer(&choice[l], levels + first, c, l, price, choose[l]);
    return scores;
}

/* The next level to the right of `from` on the lower convex hull of a head's curve; LEVELS: none
 * that is better. */
static size_t next_on_hull(double *slope, const vc_head_curves *c, size_t layer, size_t choice,
                           size_t head, size_t from)
{
    const uint64_t *kept = c->layers[layer].kept + head * LEVELS;
    size_t next = LEVELS;
    *slope = 0.0;
    for (size_t i = from + 1; i < LEVELS; i++) {
        if (kept[i] == kept[from])
            continue;
        const double gain =
            (loss_at(c, layer, choice, head, from) - loss_at(c, layer, choice, head, i)) /
            (double)(kept[i] - kept[from]);
        if (gain > *slope) {
            *slope = gain;
            next = i;
        }
    }
    return next;
}

/* Gives what the budget has left to the steepest part of all curves, as often as there is some. */
static void spend_rest(uint64_t *kept, size_t *levels, const size_t *choice,
                       const vc_head_curves *c, double left)
{
    while (left >= 1.0) {
        size_t layer = 0, head = 0, at = 0, to = LEVELS;
        double steepest = 0.0;
        for (size_t l = 0, first = 0; l < c->layer_count; first += c->layers[l++].heads)
            for (size_t h = 0; h < c->layers[l].heads; h++) {
                double slope;
                const size_t next = next_on_hull(&slope, c, l, choice[l], h, levels[first + h]);
                if (next < LEVELS && slope > steepest) {
                    steepest = slope;
                    layer = l, head = h, at = first + h, to = next;
                }
            }
        if (to == LEVELS)
            return;
        const uint64_t whole = c->layers[layer].kept[head * LEVELS + to] - kept[at];
        const uint64_t added = (double)whole <= left ? whole : (uint64_t)left;
        kept[at] += added;
        left -= (double)added;
        levels[at] = to;
        if (added < whole)
            return;
    }
}

static double loss_of(const vc_head_curves *c, const uint64_t *kept, const size_t *choice)
{
    double sum = 0.0;
    for (size_t l = 0, at = 0; l < c->layer_count; l++)
        for (size_t h = 0; h < c->layers[l].heads; h++, at++) {
            const uint64_t *levels = c->layers[l].kept + h * LEVELS;
            size_t i = 1;
            while (i + 1 < LEVELS && levels[i] < kept[at])
                i++;
            const double low = loss_at(c, l, choice[l], h, i - 1),
                         high = loss_at(c, l, choice[l], h, i);
            const double span = (double)(levels[i] - levels[i - 1]);
            const double part =
                span > 0.0 ? ((double)kept[at] - (double)levels[i - 1]) / span : 1.0;
            sum += low + part * (high - low);
        }
    return sum;
}

enum { LEAST_PRICE = -40, HIGHEST_PRICE = 10 }; /* logarithms, per score */

/* Settles at the lowest price at which the budget is enough; returns the scores. */
static double settle_within(size_t *choice, size_t *levels, const vc_head_curves *c, double budget,
                            const uint8_t *choose)
{
    double low = LEAST_PRICE, high = HIGHEST_PRICE;
    for (size_t i = 0; i < 60; i++) {
        const double middle = 0.5 * (low + high);
        if (settle(choice, levels, c, exp(middle), choose) > budget)
            low = middle;
        else
            high = middle;
    }
    return settle(choice, levels, c, exp(high), choose);
}

vc_status vc_head_curves_share(uint64_t *kept, size_t *choice, double *loss,
                               const vc_head_curves *c, double sparsity)
{
    size_t heads = 0;
    double all = 0.0, scores = 0.0;
    for (size_t l = 0; l < c->layer_count; l++) {
        heads += c->layers[l].heads;
        all += (double)(c->layers[l].heads * c->layers[l].queries * c->layers[l].keys);
    }
    const double budget = (1.0 - sparsity) * all;
    size_t *levels = calloc(heads, sizeof *levels);
    uint8_t *choose = calloc(c->layer_count, 1);
    vc_status status =
        levels && choose ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu heads", heads);
    for (size_t l = 0; status == VC_OK && l < c->layer_count; l++)
        choose[l] = choice[l] >= c->choices;
    if (status == VC_OK)
        scores = settle(choice, levels, c, exp(HIGHEST_PRICE), choose);
    if (status == VC_OK && scores > budget)
        status = vc_fail(VC_EINVAL,
                         "a sparsity of %g is out of reach: %.0f scores must be kept with the "
                         "summaries, and it leaves %.0f",
                         sparsity, scores, budget);
    if (status == VC_OK) {
        scores = settle_within(choice, levels, c, budget, choose);
        for (size_t l = 0, at = 0; l < c->layer_count; l++)
            for (size_t h = 0; h < c->layers[l].heads; h++, at++)
                kept[at] = c->layers[l].kept[h * LEVELS + levels[at]];
        spend_rest(kept, levels, choice, c, budget - scores);
        *loss = loss_of(c, kept, choice);
    }
    free(levels);
    free(choose);
    return status;
}
