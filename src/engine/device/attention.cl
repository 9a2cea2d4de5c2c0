/* Attention with an online softmax (Milakov and Gimelshein, 2018), as FlashAttention has it (Dao et
 * al., NeurIPS 2022). A work-group makes QUERIES rows of one head. It goes over tiles of KEYS keys;
 * the tiles of each block of queries are a list (device_attention.c), so that what no query of the
 * block keeps is not computed. HEAD_DIM and VALUE_DIM come from the host. */
#define QUERIES 16
#define KEYS 32
#define SQUARE 4                 /* queries of a lane */
#define ACROSS (LANES / SQUARE)  /* lanes that share these queries */
#define COLUMNS ((VALUE_DIM + ACROSS - 1) / ACROSS)
#define WIDEST (HEAD_DIM > VALUE_DIM ? HEAD_DIM : VALUE_DIM)
#define STRIDE (WIDEST + 1)

/* Where an image's keys and values lie: those of tokens, then those of summaries. */
typedef struct source {
    GLOBAL const void *tokens, *summaries;
    long token_at, summary_at; /* of the first */
    int token_stride, summary_stride, count, token_narrow, summary_narrow;
} source;

/* Bits of the argument `narrow`: which of them hold narrow values. */
#define NARROW_Y 1
#define NARROW_Q 2
#define NARROW_KEYS 4
#define NARROW_SUMMARIES 8

/* Loads a tile's rows; places without a key are zeros. */
static DEVICE void load_tile(LOCAL float *tile, const source *from, GLOBAL const int *keys,
                             int width)
{
    for (int at = LANE; at < KEYS * width; at += LANES) {
        const int key = keys[at / width], c = at % width;
        float value = 0.0f;
        if (key >= from->count)
            value = value_at(from->summaries,
                             from->summary_at + (long)(key - from->count) * from->summary_stride + c,
                             from->summary_narrow);
        else if (key >= 0)
            value = value_at(from->tokens, from->token_at + (long)key * from->token_stride + c,
                             from->token_narrow);
        tile[at / width * STRIDE + c] = value;
    }
}

/* One tile's scores, in shares of the lanes: each has SQUARE queries and KEYS / ACROSS keys. */
static DEVICE void find_scores(LOCAL float *scores, LOCAL const float *queries,
                               LOCAL const float *tile)
{
    const int first = LANE / ACROSS * SQUARE, place = LANE % ACROSS;
    float sums[SQUARE][KEYS / ACROSS];
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < KEYS / ACROSS; j++)
            sums[i][j] = 0.0f;
    for (int d = 0; d < HEAD_DIM; d++)
        for (int i = 0; i < SQUARE; i++)
            for (int j = 0; j < KEYS / ACROSS; j++)
                sums[i][j] += queries[(first + i) * HEAD_DIM + d] *
                              tile[(j * ACROSS + place) * STRIDE + d];
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < KEYS / ACROSS; j++)
            scores[(first + i) * KEYS + j * ACROSS + place] = sums[i][j];
}

#define EACH (LANES / QUERIES) /* lanes of a query in the softmax */

/* Turns scores to weights of base 2; `highest`, `sum` and `scale` are those of each query. */
static DEVICE void weigh(LOCAL float *scores, LOCAL float *part, LOCAL float *highest,
                         LOCAL float *sum, LOCAL float *scale, bits32 kept,
                         GLOBAL const float *bias)
{
    const int query = LANE / EACH, share = LANE % EACH;
    float most = LOWEST, total = 0.0f;
    for (int k = share; k < KEYS; k += EACH)
        if (kept >> k & 1u) {
            const float score = scores[query * KEYS + k] + (bias ? bias[query * KEYS + k] : 0.0f);
            scores[query * KEYS + k] = score;
            most = score > most ? score : most;
        }
    part[LANE] = most;
    BARRIER();
    most = highest[query];
    for (int i = 0; i < EACH; i++)
        most = part[query * EACH + i] > most ? part[query * EACH + i] : most;
    BARRIER();
    for (int k = share; k < KEYS; k += EACH) {
        const float weight =
            kept >> k & 1u ? EXP2(scores[query * KEYS + k] - most) : 0.0f;
        scores[query * KEYS + k] = weight;
        total += weight;
    }
    part[LANE] = total;
    BARRIER();
    if (share == 0) {
        const float by = EXP2(highest[query] - most);
        total = 0.0f;
        for (int i = 0; i < EACH; i++)
            total += part[query * EACH + i];
        scale[query] = by;
        sum[query] = by * sum[query] + total;
        highest[query] = most;
    }
}

/* Adds what a tile's values, weighted, are. */
static DEVICE void add_values(float sums[SQUARE][COLUMNS], LOCAL const float *weights,
                              LOCAL const float *scale, LOCAL const float *tile)
{
    const int first = LANE / ACROSS * SQUARE, place = LANE % ACROSS;
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < COLUMNS; j++)
            sums[i][j] *= scale[first + i];
    for (int k = 0; k < KEYS; k++)
        for (int j = 0; j < COLUMNS; j++) {
            const int c = j * ACROSS + place;
            const float value = c < VALUE_DIM ? tile[k * STRIDE + c] : 0.0f;
            for (int i = 0; i < SQUARE; i++)
                sums[i][j] += weights[(first + i) * KEYS + k] * value;
        }
}

/* Rows of Q from `first` on, zeros behind the last. */
static DEVICE void load_queries(LOCAL float *tile, GLOBAL const void *q, long image_row, int first,
                                int queries, int q_width, int at, int is_narrow)
{
    for (int i = LANE; i < QUERIES * HEAD_DIM; i += LANES) {
        const int row = first + i / HEAD_DIM;
        tile[i] = row < queries ? value_at(q, (image_row + row) * q_width + at + i % HEAD_DIM,
                                           is_narrow)
                                : 0.0f;
    }
}

/* Writes a block's rows: what was added up over the sum of its weights, then the residual. */
static DEVICE void store_rows(GLOBAL void *y, float sums[SQUARE][COLUMNS], LOCAL const float *sum,
                              GLOBAL const float *shares, GLOBAL const float *means, int heads,
                              int head, int image, int first, int queries, int activation,
                              int is_narrow)
{
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < COLUMNS; j++) {
            const int query = LANE / ACROSS * SQUARE + i, row = first + query,
                      c = j * ACROSS + LANE % ACROSS;
            if (row >= queries || c >= VALUE_DIM)
                continue;
            float value = sums[i][j] / sum[query];
            if (shares) {
                const float share = shares[head * queries + row];
                value = share * value +
                        (1.0f - share) * means[((long)image * heads + head) * VALUE_DIM + c];
            }
            set_value(y, (((long)image * queries + row) * heads + head) * VALUE_DIM + c,
                      activate(value, activation), is_narrow);
        }
}

/* Groups are (images, heads, blocks). `first` and `count` (heads, blocks) tell the tiles of a block:
 * `keys` (tiles, KEYS), -1 for none; `kept` (tiles, QUERIES), a bit for each key; `bias` (tiles,
 * QUERIES, KEYS) or NULL. `shares` (heads, queries) and `means` (images, heads, VALUE_DIM) are
 * those of a residual, or NULL. */
KERNEL(LANES) void attention(GLOBAL void *y, GLOBAL const void *q, GLOBAL const void *kv,
                             GLOBAL const void *summaries, GLOBAL const int *first,
                             GLOBAL const int *count, GLOBAL const int *keys,
                             GLOBAL const bits32 *kept, GLOBAL const float *bias,
                             GLOBAL const float *shares, GLOBAL const float *means, int heads,
                             int blocks, int queries, int key_count, int summary_count, int q_width,
                             int kv_width, int keys_at, int values_at, int activation,
                             int narrow)
{
    SHARED float query_tile[QUERIES * HEAD_DIM], tile[KEYS * STRIDE], scores[QUERIES * KEYS];
    SHARED float part[LANES], highest[QUERIES], sum[QUERIES], scale[QUERIES];
    const int block = GROUP % blocks, head = GROUP / blocks % heads, image = GROUP / blocks / heads;
    const int at = head * blocks + block;
    const int summary_width = heads * (HEAD_DIM + VALUE_DIM);
    const long tokens = (long)image * key_count * kv_width,
               pooled = (long)image * summary_count * summary_width;
    const source of_keys = {kv, summaries, tokens + keys_at + head * HEAD_DIM,
                            pooled + head * HEAD_DIM, kv_width, summary_width, key_count,
                            narrow & NARROW_KEYS, narrow & NARROW_SUMMARIES};
    const source of_values = {kv, summaries, tokens + values_at + head * VALUE_DIM,
                              pooled + heads * HEAD_DIM + head * VALUE_DIM, kv_width,
                              summary_width, key_count, narrow & NARROW_KEYS,
                              narrow & NARROW_SUMMARIES};
    float sums[SQUARE][COLUMNS];
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < COLUMNS; j++)
            sums[i][j] = 0.0f;
    load_queries(query_tile, q, (long)image * queries, block * QUERIES, queries, q_width,
                 head * HEAD_DIM, narrow & NARROW_Q);
    if (LANE < QUERIES) {
        highest[LANE] = LOWEST;
        sum[LANE] = 0.0f;
    }
    for (int t = first[at]; t < first[at] + count[at]; t++) {
        BARRIER();
        load_tile(tile, &of_keys, keys + (long)t * KEYS, HEAD_DIM);
        BARRIER();
        find_scores(scores, query_tile, tile);
        BARRIER();
        weigh(scores, part, highest, sum, scale, kept[(long)t * QUERIES + LANE / EACH],
              bias ? bias + (long)t * QUERIES * KEYS : 0);
        load_tile(tile, &of_values, keys + (long)t * KEYS, VALUE_DIM);
        BARRIER();
        add_values(sums, scores, scale, tile);
    }
    store_rows(y, sums, sum, shares, means, heads, head, image, block * QUERIES, queries,
               activation, narrow & NARROW_Y);
}
