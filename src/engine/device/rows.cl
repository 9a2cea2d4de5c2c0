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

KERNEL(LANES) void layernorm(GLOBAL void *y, GLOBAL const float *x, GLOBAL const float *weight,
                             GLOBAL const float *bias, int width, float eps, int to_narrow)
{
    SHARED float room[LANES];
    const long row = (long)GROUP * width;
    float sum = 0.0f, squares = 0.0f;
    for (int c = LANE; c < width; c += LANES)
        sum += x[row + c];
    const float mean = sum_of_lanes(room, sum) / (float)width;
    for (int c = LANE; c < width; c += LANES) {
        const float off = x[row + c] - mean;
        squares += off * off;
    }
    const float deviation = SQRT(sum_of_lanes(room, squares) / (float)width + eps);
    for (int c = LANE; c < width; c += LANES)
        set_value(y, row + c, (x[row + c] - mean) / deviation * weight[c] + bias[c], to_narrow);
}

KERNEL(LANES) void positions(GLOBAL float *y, GLOBAL const float *start, int rows, int width)
{
    const long to = (long)GROUP * width, from = (long)(GROUP % rows) * width;
    for (int c = LANE; c < width; c += LANES)
        y[to + c] = start[from + c];
}

/* Patches in the order of a convolution's kernel (channels, patch, patch), after rows of zeros. */
KERNEL(LANES) void patches(GLOBAL float *y, GLOBAL const float *x, int rows, int prefix, int side,
                           int patch, int channels, long image_stride)
{
    const int token = GROUP % rows - prefix, grid = side / patch, width = channels * patch * patch;
    GLOBAL float *to = y + (long)GROUP * width;
    GLOBAL const float *image = x + (long)(GROUP / rows) * image_stride;
    for (int c = LANE; c < width; c += LANES) {
        const int channel = c / (patch * patch), i = c / patch % patch, j = c % patch;
        to[c] = token < 0 ? 0.0f
                          : image[((long)channel * side + token / grid * patch + i) * side +
                                  token % grid * patch + j];
    }
}

/* What lies under a convolution's kernel, (kernel, kernel, channels). */
KERNEL(LANES) void windows(GLOBAL float *y, GLOBAL const float *x, int rows, int out_side, int side,
                           int kernel_side, int stride, int padding, int channels,
                           long image_stride, long pixel_stride, long channel_stride)
{
    const int token = GROUP % rows, width = kernel_side * kernel_side * channels;
    const int top = token / out_side * stride - padding, left = token % out_side * stride - padding;
    GLOBAL float *to = y + (long)GROUP * width;
    GLOBAL const float *image = x + (long)(GROUP / rows) * image_stride;
    for (int c = LANE; c < width; c += LANES) {
        const int place = c / channels, i = top + place / kernel_side,
                  j = left + place % kernel_side;
        to[c] = i < 0 || j < 0 || i >= side || j >= side
                    ? 0.0f
                    : image[((long)i * side + j) * pixel_stride + c % channels * channel_stride];
    }
}

/* The first rows of every image. */
KERNEL(LANES) void prefix_rows(GLOBAL float *y, GLOBAL const float *x, int rows, int from_rows,
                               int width)
{
    const long to = (long)GROUP * width,
               from = ((long)(GROUP / rows) * from_rows + GROUP % rows) * width;
    for (int c = LANE; c < width; c += LANES)
        y[to + c] = x[from + c];
}

/* Every second token of a grid along both axes. */
KERNEL(LANES) void subsample(GLOBAL float *y, GLOBAL const float *x, int rows, int from_rows,
                             int width, int side)
{
    const int token = GROUP % rows, out_side = (side + 1) / 2;
    const int at = token / out_side * 2 * side + token % out_side * 2;
    const long to = (long)GROUP * width, from = ((long)(GROUP / rows) * from_rows + at) * width;
    for (int c = LANE; c < width; c += LANES)
        y[to + c] = x[from + c];
}

/* The mean of rows first to last - 1 of every image: count values of each, from `at` on. */
KERNEL(LANES) void mean_rows(GLOBAL float *y, GLOBAL const float *x, int from_rows, int first,
                             int last, int width, int at, int count)
{
    GLOBAL const float *image = x + (long)GROUP * from_rows * width + at;
    for (int c = LANE; c < count; c += LANES) {
        float sum = 0.0f;
        for (int r = first; r < last; r++)
            sum += image[(long)r * width + c];
        y[(long)GROUP * count + c] = sum / (float)(last - first);
    }
}

/* SwiGLU: rows hold the gate's values, then as many others. */
KERNEL(LANES) void gate(GLOBAL float *y, GLOBAL const float *x, int width)
{
    const long to = (long)GROUP * width;
    for (int c = LANE; c < width; c += LANES)
        y[to + c] = activate(x[2 * to + c], 3) * x[2 * to + width + c];
}
