/* The parts of attention one after the other, on the tiles of attention.cl: for times and maps. An
 * image's weights are `tiles` tiles of (QUERIES, KEYS); those of a block begin at offset[block]. */

/* Groups are (images, heads, blocks). */
KERNEL(LANES) void scores_apart(GLOBAL float *weights, GLOBAL const void *q, GLOBAL const void *kv,
                                GLOBAL const void *summaries, GLOBAL const int *first,
                                GLOBAL const int *count, GLOBAL const int *offset,
                                GLOBAL const int *keys, int heads, int blocks, int queries,
                                int key_count, int summary_count, int q_width, int kv_width,
                                int keys_at, int tiles, int narrow)
{
    SHARED float query_tile[QUERIES * HEAD_DIM], tile[KEYS * STRIDE], scores[QUERIES * KEYS];
    const int block = GROUP % blocks, head = GROUP / blocks % heads, image = GROUP / blocks / heads;
    const int at = head * blocks + block, summary_width = heads * (HEAD_DIM + VALUE_DIM);
    const source of_keys = {kv, summaries,
                            (long)image * key_count * kv_width + keys_at + head * HEAD_DIM,
                            (long)image * summary_count * summary_width + head * HEAD_DIM, kv_width,
                            summary_width, key_count, narrow & NARROW_KEYS,
                            narrow & NARROW_SUMMARIES};
    load_queries(query_tile, q, (long)image * queries, block * QUERIES, queries, q_width,
                 head * HEAD_DIM, narrow & NARROW_Q);
    for (int t = 0; t < count[at]; t++) {
        const long to = ((long)image * tiles + offset[at] + t) * QUERIES * KEYS;
        load_tile(tile, &of_keys, keys + (long)(first[at] + t) * KEYS, HEAD_DIM);
        BARRIER();
        find_scores(scores, query_tile, tile);
        BARRIER();
        for (int i = LANE; i < QUERIES * KEYS; i += LANES)
            weights[to + i] = scores[i];
    }
}

/* Scores to weights that add up to 1, in place; what is not kept is 0. Groups are as above. */
KERNEL(LANES) void softmax_apart(GLOBAL float *weights, GLOBAL const int *first,
                                 GLOBAL const int *count, GLOBAL const int *offset,
                                 GLOBAL const bits32 *kept, GLOBAL const float *bias, int heads,
                                 int blocks, int tiles)
{
    SHARED float part[LANES];
    const int at = GROUP % (heads * blocks), query = LANE / EACH, share = LANE % EACH;
    const long start = ((long)(GROUP / (heads * blocks)) * tiles + offset[at]) * QUERIES * KEYS;
    float most = LOWEST, total = 0.0f;
    for (int t = 0; t < count[at]; t++)
        for (int k = share; k < KEYS; k += EACH) {
            const long line = (long)(first[at] + t) * QUERIES + query,
                       to = start + (long)(t * QUERIES + query) * KEYS + k;
            if (kept[line] >> k & 1u) {
                const float score = weights[to] + (bias ? bias[line * KEYS + k] : 0.0f);
                weights[to] = score;
                most = score > most ? score : most;
            }
        }
    part[LANE] = most;
    BARRIER();
    for (int i = 0; i < EACH; i++)
        most = part[query * EACH + i] > most ? part[query * EACH + i] : most;
    BARRIER();
    for (int t = 0; t < count[at]; t++)
        for (int k = share; k < KEYS; k += EACH) {
            const long line = (long)(first[at] + t) * QUERIES + query,
                       to = start + (long)(t * QUERIES + query) * KEYS + k;
            const float weight = kept[line] >> k & 1u ? EXP2(weights[to] - most) : 0.0f;
            weights[to] = weight;
            total += weight;
        }
    part[LANE] = total;
    BARRIER();
    total = 0.0f;
    for (int i = 0; i < EACH; i++)
        total += part[query * EACH + i];
    for (int t = 0; t < count[at]; t++)
        for (int k = share; k < KEYS; k += EACH)
            if (total > 0.0f)
                weights[start + (long)(t * QUERIES + query) * KEYS + k] /= total;
}

/* Groups are as above; y, shares and means are as in attention.cl. */
KERNEL(LANES) void values_apart(GLOBAL void *y, GLOBAL const float *weights, GLOBAL const void *kv,
                                GLOBAL const void *summaries, GLOBAL const int *first,
                                GLOBAL const int *count, GLOBAL const int *offset,
                                GLOBAL const int *keys, GLOBAL const float *shares,
                                GLOBAL const float *means, int heads, int blocks, int queries,
                                int key_count, int summary_count, int kv_width, int values_at,
                                int activation, int tiles, int narrow)
{
    SHARED float tile[KEYS * STRIDE], scores[QUERIES * KEYS], one[QUERIES];
    const int block = GROUP % blocks, head = GROUP / blocks % heads, image = GROUP / blocks / heads;
    const int at = head * blocks + block, summary_width = heads * (HEAD_DIM + VALUE_DIM);
    const source of_values = {
        kv, summaries, (long)image * key_count * kv_width + values_at + head * VALUE_DIM,
        (long)image * summary_count * summary_width + heads * HEAD_DIM + head * VALUE_DIM, kv_width,
        summary_width, key_count, narrow & NARROW_KEYS, narrow & NARROW_SUMMARIES};
    float sums[SQUARE][COLUMNS];
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < COLUMNS; j++)
            sums[i][j] = 0.0f;
    if (LANE < QUERIES)
        one[LANE] = 1.0f;
    for (int t = 0; t < count[at]; t++) {
        const long from = ((long)image * tiles + offset[at] + t) * QUERIES * KEYS;
        BARRIER();
        for (int i = LANE; i < QUERIES * KEYS; i += LANES)
            scores[i] = weights[from + i];
        load_tile(tile, &of_values, keys + (long)(first[at] + t) * KEYS, VALUE_DIM);
        BARRIER();
        add_values(sums, scores, one, tile);
    }
    store_rows(y, sums, one, shares, means, heads, head, image, block * QUERIES, queries,
               activation, narrow & NARROW_Y);
}

/* maps (heads, queries, key_count) = the weights of each entry that is kept, added up over images;
 * others are left as they are. Groups are (heads, blocks). */
KERNEL(LANES) void sum_maps(GLOBAL float *maps, GLOBAL const float *weights,
                            GLOBAL const int *first, GLOBAL const int *count,
                            GLOBAL const int *offset, GLOBAL const int *keys, int images,
                            int blocks, int queries, int key_count, int tiles)
{
    const int block = GROUP % blocks, head = GROUP / blocks;
    for (int i = LANE; i < count[GROUP] * QUERIES * KEYS; i += LANES) {
        const int t = i / (QUERIES * KEYS), row = block * QUERIES + i / KEYS % QUERIES,
                  key = keys[(long)(first[GROUP] + t) * KEYS + i % KEYS];
        const long from = (long)offset[GROUP] * QUERIES * KEYS + i;
        float sum = 0.0f;
        for (int image = 0; image < images; image++)
            sum += weights[(long)image * tiles * QUERIES * KEYS + from];
        if (row < queries && key >= 0 && key < key_count)
            maps[((long)head * queries + row) * key_count + key] = sum;
    }
}
