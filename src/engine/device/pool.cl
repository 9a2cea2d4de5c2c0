/* Pooling keys and values to summaries. HEAD_DIM and VALUE_DIM come from the host. */
static DEVICE float score_of(GLOBAL const float *query, GLOBAL const void *kv, long k, float by,
                             int from_narrow)
{
    float sum = 0.0f;
    for (int d = 0; d < HEAD_DIM; d++)
        sum += query[d] * value_at(kv, k + d, from_narrow);
    return by * sum;
}

#define POOLED ((HEAD_DIM + VALUE_DIM + LANES - 1) / LANES)

/* Groups are (images, summaries, heads): each is the sum of weights[e] times the keys and values of
 * token `entries[e]`, e from start[g] to start[g + 1] - 1; with queries (heads, HEAD_DIM) weights
 * are of a softmax (plan.h). */
KERNEL(LANES) void pool(GLOBAL void *y, GLOBAL const void *kv, GLOBAL const int *start,
                        GLOBAL const int *entries, GLOBAL const float *weights,
                        GLOBAL const float *query, int heads, int summary_count, int key_count,
                        int kv_width, int keys_at, int values_at, float by, int from_narrow,
                        int to_narrow)
{
    SHARED float chunk[LANES], room[LANES];
    SHARED int tokens[LANES];
    const int head = GROUP % heads, g = GROUP / heads % summary_count,
              image = GROUP / heads / summary_count;
    const long rows = (long)image * key_count * kv_width, k = rows + keys_at + head * HEAD_DIM,
               v = rows + values_at + head * VALUE_DIM,
               to = ((long)image * summary_count + g) * heads * (HEAD_DIM + VALUE_DIM);
    GLOBAL const float *of_head = query + head * HEAD_DIM;
    float sums[POOLED], most = LOWEST, total = 0.0f;
    for (int i = 0; i < POOLED; i++)
        sums[i] = 0.0f;
    if (query) {
        for (int e = start[g] + LANE; e < start[g + 1]; e += LANES) {
            const float score =
                score_of(of_head, kv, k + (long)entries[e] * kv_width, by, from_narrow);
            most = score > most ? score : most;
        }
        room[LANE] = most;
        BARRIER();
        for (int i = 0; i < LANES; i++)
            most = room[i] > most ? room[i] : most;
    }
    for (int e = start[g]; e < start[g + 1]; e += LANES) {
        const int mine = e + LANE, here = mine < start[g + 1];
        float weight = here ? weights[mine] : 0.0f;
        BARRIER();
        if (here) {
            tokens[LANE] = entries[mine];
            if (query)
                weight *= EXP(score_of(of_head, kv, k + (long)entries[mine] * kv_width, by,
                                       from_narrow) -
                              most);
        }
        chunk[LANE] = weight;
        BARRIER();
        const int count = start[g + 1] - e < LANES ? start[g + 1] - e : LANES;
        for (int i = 0; i < count; i++) {
            const long row = (long)tokens[i] * kv_width;
            total += chunk[i];
            for (int j = 0; j < POOLED; j++) {
                const int c = j * LANES + LANE;
                if (c < HEAD_DIM)
                    sums[j] += chunk[i] * value_at(kv, k + row + c, from_narrow);
                else if (c < HEAD_DIM + VALUE_DIM)
                    sums[j] += chunk[i] * value_at(kv, v + row + c - HEAD_DIM, from_narrow);
            }
        }
    }
    for (int j = 0; j < POOLED; j++) {
        const int c = j * LANES + LANE;
        const float value = query ? sums[j] / total : sums[j];
        if (c < HEAD_DIM)
            set_value(y, to + head * HEAD_DIM + c, value, to_narrow);
        else if (c < HEAD_DIM + VALUE_DIM)
            set_value(y, to + heads * HEAD_DIM + head * VALUE_DIM + c - HEAD_DIM, value, to_narrow);
    }
}
