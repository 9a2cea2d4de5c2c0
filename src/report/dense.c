/* Which results are of the dense model, and which of them belong beside a sparse one's. */
#include <math.h>
#include <string.h>

#include "report_impl.h"
#include "vitcod/shell_words.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The pruned share that another result of the run gives for the same plan. */
static double share_of_plan(const vc__book *book, size_t run, const char *hash)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const double kept = vc__number_at(r->json, "kept_share"),
                     sparsity = vc__number_at(r->json, "sparsity");
        if (r->run != run || strcmp(vc__text_at(r->json, "plan_hash"), hash) != 0)
            continue;
        if (isfinite(kept) || isfinite(sparsity))
            return isfinite(kept) ? 1.0 - kept : sparsity;
    }
    return (double)NAN;
}

/* The value that a result's command gives an option, "" if none. */
static void option_of(char value[VC__LABEL], const vc__result *r, const char *option)
{
    char word[4096];
    const char *line = vc__text_at(r->json, "command");
    const size_t length = strlen(option);
    value[0] = '\0';
    while ((line = vc_shell_take_word(word, sizeof word, line)))
        if (strcmp(word, option) == 0 && vc_shell_take_word(word, sizeof word, line))
            snprintf(value, VC__LABEL, "%.150s", base_name(word));
        else if (strncmp(word, option, length) == 0 && word[length] == '=')
            snprintf(value, VC__LABEL, "%.150s", base_name(word + length + 1));
}

/* The share that `prune` of the run gave the mask of this name. */
static double share_of_mask(const vc__book *book, size_t run, const char *mask)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (r->run == run && vc__is(r, "prune") &&
            strcmp(base_name(vc__text_at(r->json, "mask")), mask) == 0)
            return vc__number_at(r->json, "sparsity");
    }
    return (double)NAN;
}

static double share_of_eval(const vc__book *book, const vc__result *r)
{
    char mask[VC__LABEL];
    const char *hash = vc__text_at(r->json, "plan_hash");
    const double kept = vc__number_at(r->json, "kept_share");
    if (json_object_get(r->json, "tokens"))
        return (double)NAN;
    if (isfinite(kept))
        return 1.0 - kept;
    option_of(mask, r, "--mask");
    if (mask[0])
        return share_of_mask(book, r->run, mask);
    return hash[0] ? share_of_plan(book, r->run, hash) : 0.0;
}

void vc__find_pruned_shares(vc__book *book)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (vc__is(&book->results[i], "eval"))
            book->results[i].pruned_share = share_of_eval(book, &book->results[i]);
}

const vc__result *vc__dense_eval(const vc__book *book, const vc__result *sparse)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        if (r->run == sparse->run && vc__is(r, "eval") && strcmp(r->data, sparse->data) == 0 &&
            r->pruned_share == 0.0)
            return r;
    }
    return NULL;
}

int vc__is_dense_run(const vc__result *r)
{
    return vc__is(r, "simulate") && strcmp(vc__text_at(r->json, "method"), "dense") == 0;
}

static size_t stages_of(const vc__result *r)
{
    return json_array_size(vc__at(r->json, "attention.stages"));
}

/* Simulated on the same chip, of a model with as many layers. */
static int is_comparable(const vc__result *a, const vc__result *b)
{
    return a->run == b->run && stages_of(a) == stages_of(b) &&
           json_equal(json_object_get(a->json, "accelerator"),
                      json_object_get(b->json, "accelerator")) &&
           !vc__at(a->json, "end_to_end.cycles") == !vc__at(b->json, "end_to_end.cycles");
}

const vc__result *vc__dense_run(const vc__book *book, const vc__result *sparse)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (vc__is_dense_run(&book->results[i]) && is_comparable(sparse, &book->results[i]))
            return &book->results[i];
    return NULL;
}
