/* Operators that map rows to rows: a work-group makes one row. */
/* The sum of every lane's x, in a fixed order. */
static DEVICE float sum_of_lanes(LOCAL float *room, float x)
{
    room[LANE] = x;
    BARRIER();
    for (int half_count = LANES / 2; half_count > 0; half_count /= 2) {
        if (LANE < half_count)
            room[LANE] += room[LANE + half_count];
        BARRIER();
    }
    const float sum = room[0];
    BARRIER();
    return sum;
}

KERNEL(LANES) void layernorm(GLOBAL void *y, GLOBAL const void *x, GLOBAL const float *weight,
                             GLOBAL const float *bias, int width, float eps, int by_deviation,
                             int from_narrow, int to_narrow)
{
    SHARED float room[LANES];
    const long row = (long)GROUP * width;
    float sum = 0.0f, squares = 0.0f;
    for (int c = LANE; c < width; c += LANES)
        sum += value_at(x, row + c, from_narrow);
    const float mean = sum_of_lanes(room, sum) / (float)width;
    for (int c = LANE; c < width; c += LANES) {
        const float off = value_at(x, row + c, from_narrow) - mean;
        squares += off * off;
    }
    /* By the deviation: of width - 1, and eps beside it, as vc_layernorm has it. */
    squares = sum_of_lanes(room, squares);
    const float deviation = by_deviation ? SQRT(squares / (float)(width - 1)) + eps
                                         : SQRT(squares / (float)width + eps);
    for (int c = LANE; c < width; c += LANES)
        set_value(y, row + c,
                  (value_at(x, row + c, from_narrow) - mean) / deviation * weight[c] + bias[c],
                  to_narrow);
}

KERNEL(LANES) void positions(GLOBAL void *y, GLOBAL const float *start, int rows, int width,
                             int add, int to_narrow)
{
    const long to = (long)GROUP * width, from = (long)(GROUP % rows) * width;
    for (int c = LANE; c < width; c += LANES)
        set_value(y, to + c, start[from + c] + (add ? value_at(y, to + c, to_narrow) : 0.0f),
                  to_narrow);
}

/* Patches in the order of a convolution's kernel (channels, down, across), after rows of zeros. */
KERNEL(LANES) void patches(GLOBAL void *y, GLOBAL const void *x, int rows, int prefix, int height,
                           int width, int down, int across, int channels, int from_narrow,
                           int to_narrow)
{
    const int token = GROUP % rows - prefix, columns = width / across, area = down * across;
    const long to = (long)GROUP * channels * area,
               image = (long)(GROUP / rows) * channels * height * width;
    for (int c = LANE; c < channels * area; c += LANES) {
        const int channel = c / area, i = c / across % down, j = c % across;
        const long from = ((long)channel * height + token / columns * down + i) * width +
                          token % columns * across + j;
        set_value(y, to + c, token < 0 ? 0.0f : value_at(x, image + from, from_narrow), to_narrow);
    }
}

/* What lies under a convolution's kernel, (kernel, kernel, channels). */
KERNEL(LANES) void windows(GLOBAL void *y, GLOBAL const void *x, int rows, int out_side, int side,
                           int kernel_side, int stride, int padding, int channels,
                           long image_stride, long pixel_stride, long channel_stride,
                           int from_narrow, int to_narrow)
{
    const int token = GROUP % rows, width = kernel_side * kernel_side * channels;
    const int top = token / out_side * stride - padding, left = token % out_side * stride - padding;
    const long to = (long)GROUP * width, image = (long)(GROUP / rows) * image_stride;
    for (int c = LANE; c < width; c += LANES) {
        const int place = c / channels, i = top + place / kernel_side,
                  j = left + place % kernel_side;
        const int outside = i < 0 || j < 0 || i >= side || j >= side;
        const long from = ((long)i * side + j) * pixel_stride + c % channels * channel_stride;
        set_value(y, to + c, outside ? 0.0f : value_at(x, image + from, from_narrow), to_narrow);
    }
}

/* The first rows of every image. */
KERNEL(LANES) void prefix_rows(GLOBAL void *y, GLOBAL const void *x, int rows, int from_rows,
                               int width, int from_narrow, int to_narrow)
{
    const long to = (long)GROUP * width,
               from = ((long)(GROUP / rows) * from_rows + GROUP % rows) * width;
    for (int c = LANE; c < width; c += LANES)
        set_value(y, to + c, value_at(x, from + c, from_narrow), to_narrow);
}

/* Every second token of a grid along both axes. */
KERNEL(LANES) void subsample(GLOBAL void *y, GLOBAL const void *x, int rows, int from_rows,
                             int width, int side, int from_narrow, int to_narrow)
{
    const int token = GROUP % rows, out_side = (side + 1) / 2;
    const int at = token / out_side * 2 * side + token % out_side * 2;
    const long to = (long)GROUP * width, from = ((long)(GROUP / rows) * from_rows + at) * width;
    for (int c = LANE; c < width; c += LANES)
        set_value(y, to + c, value_at(x, from + c, from_narrow), to_narrow);
}

/* Windows along the tokens, zeros beyond them: (kernel, channels). */
KERNEL(LANES) void spans(GLOBAL void *y, GLOBAL const void *x, int rows, int from_rows,
                         int channels, int kernel_rows, int stride, int padding, int from_narrow,
                         int to_narrow)
{
    const int width = kernel_rows * channels, first = GROUP % rows * stride - padding;
    const long to = (long)GROUP * width, image = (long)(GROUP / rows) * from_rows * channels;
    for (int c = LANE; c < width; c += LANES) {
        const int token = first + c / channels, outside = token < 0 || token >= from_rows;
        const long from = image + (long)token * channels + c % channels;
        set_value(y, to + c, outside ? 0.0f : value_at(x, from, from_narrow), to_narrow);
    }
}

/* The mean of rows first to last - 1 of every image: count values of each, from `at` on. */
KERNEL(LANES) void mean_rows(GLOBAL void *y, GLOBAL const void *x, int from_rows, int first,
                             int last, int width, int at, int count, int from_narrow,
                             int to_narrow)
{
    const long image = (long)GROUP * from_rows * width + at;
    for (int c = LANE; c < count; c += LANES) {
        float sum = 0.0f;
        for (int r = first; r < last; r++)
            sum += value_at(x, image + (long)r * width + c, from_narrow);
        set_value(y, (long)GROUP * count + c, sum / (float)(last - first), to_narrow);
    }
}

/* SwiGLU: rows hold the gate's values, then as many others. */
KERNEL(LANES) void gate(GLOBAL void *y, GLOBAL const void *x, int width, int from_narrow,
                        int to_narrow)
{
    const long to = (long)GROUP * width;
    for (int c = LANE; c < width; c += LANES)
        set_value(y, to + c,
                  activate(value_at(x, 2 * to + c, from_narrow), 3) *
                      value_at(x, 2 * to + width + c, from_narrow),
                  to_narrow);
}

/* A copy, for what memory gives: LANES * `each` values of every group. */
KERNEL(LANES) void copy_values(GLOBAL float *y, GLOBAL const float *x, int each)
{
    const long first = (long)GROUP * LANES * each;
    for (int i = 0; i < each; i++)
        y[first + (long)i * LANES + LANE] = x[first + (long)i * LANES + LANE];
}

#define CHAINS 16

/* Multiply-adds on registers, `rounds` times CHAINS of every lane. What they make is needed only if
 * it is a number that it never is, so that they are not left out. */
KERNEL(LANES) void spin(GLOBAL float *y, float by, float and_then, int rounds)
{
    float x[CHAINS], sum = 0.0f;
    for (int c = 0; c < CHAINS; c++)
        x[c] = (float)(c + LANE);
    for (int r = 0; r < rounds; r++)
        for (int c = 0; c < CHAINS; c++)
            x[c] = x[c] * by + and_then;
    for (int c = 0; c < CHAINS; c++)
        sum += x[c];
    if (sum == -1.0f)
        y[LANE] = sum;
}
