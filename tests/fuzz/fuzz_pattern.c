/* What plans mean: a sound one is made of the bytes and a few of its numbers are changed. Whatever
 * is read then can be compiled, counts what it keeps, and is the same when it is written again. */
#include "fuzzed_folder.h"
#include "vitcod/mask.h"
#include "vitcod/pattern.h"
#include "vitcod/plan.h"
#include "vitcod/plan_summary.h"

enum { MOST = 12, HEADS = 3 };

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

static unsigned take(bytes *b)
{
    return b->left > 0 ? (b->left--, *b->at++) : 0;
}

static void shuffle(int32_t *order, size_t count, bytes *b)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (int32_t)i;
    for (size_t i = count; i-- > 1;) {
        const size_t other = take(b) % (i + 1);
        const int32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

static void make(vc_plan *out, bytes *b)
{
    const size_t heads = 1 + take(b) % HEADS, queries = 1 + take(b) % MOST,
                 keys = 1 + take(b) % MOST;
    int32_t q[HEADS * MOST], k[HEADS * MOST], globals[HEADS];
    const vc_token_order order = {q, k, globals};
    vc_mask mask;
    if (vc_mask_open(&mask, 1, heads, queries, keys) != VC_OK)
        abort();
    for (size_t h = 0; h < heads; h++) {
        shuffle(q + h * queries, queries, b);
        shuffle(k + h * keys, keys, b);
        globals[h] = (int32_t)(take(b) % (keys + 1));
        for (size_t i = 0; i < queries * keys; i++)
            mask.pruned[h * queries * keys + i] = i % keys != i / keys % keys && take(b) & 1;
    }
    if (vc_plan_assemble(out, &mask, &order, take(b)) != VC_OK)
        abort();
    vc_mask_close(&mask);
}

/* Changes numbers of a layer, one in 16 to something wild. */
static void spoil(vc_plan_layer *l, bytes *b)
{
    int32_t *const arrays[] = {l->query_order, l->key_order, l->global_tokens, l->column_start,
                               l->rows};
    const size_t kept = (size_t)l->column_start[l->heads * (l->keys + 1) - 1];
    const size_t counts[] = {l->heads * l->queries, l->heads * l->keys, l->heads,
                             l->heads * (l->keys + 1) - 1, kept};
    for (unsigned n = take(b) % 4; n > 0; n--) {
        const size_t array = take(b) % 5, which = take(b);
        const unsigned value = take(b);
        if (counts[array] > 0)
            arrays[array][which % counts[array]] =
                value % 16 == 0 ? INT32_MIN + (int32_t)value : (int32_t)(value % 16) - 1;
    }
}

static void compile(const vc_plan *plan)
{
    for (int split = 0; split < 2; split++)
        for (int order = 0; order < 2; order++) {
            const vc_pattern_options how = {.split =
                                                split ? VC_PATTERN_BY_COST : VC_PATTERN_BY_PLAN,
                                            .costs = {1.0, 1.6, 7.0},
                                            .plan_order = order};
            const vc_plan_layer *l = &plan->layers[0];
            vc_pattern pattern;
            size_t kept = 0;
            if (vc_pattern_open(&pattern, l, &how) != VC_OK)
                abort();
            for (size_t h = 0; h < pattern.heads; h++)
                kept += pattern.head[h].kept;
            if (kept != (size_t)l->column_start[l->heads * (l->keys + 1) - 1])
                abort();
            vc_pattern_close(&pattern);
        }
    vc_plan_summary summary;
    if (vc_plan_summarize(&summary, plan) == VC_OK)
        vc_record_free(&vc_plan_summary_record, &summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes b = {data, size};
    vc_plan plan, read;
    char path[128];
    snprintf(path, sizeof path, "%s/plan", fuzz_folder());
    make(&plan, &b);
    spoil(&plan.layers[0], &b);
    const int wrote = vc_plan_write(path, &plan) == VC_OK;
    if (wrote && vc_plan_read(&read, path) == VC_OK) {
        if (vc_plan_hash(&read) != vc_plan_hash(&plan))
            abort();
        compile(&read);
        vc_plan_close(&read);
    }
    vc_plan_close(&plan);
    return 0;
}
