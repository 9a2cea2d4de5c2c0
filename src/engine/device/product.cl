/* Products, and what stands around those of a library. */
/* A row of x as a library wants it. */
KERNEL(LANES) void narrow_rows(GLOBAL bits16 *y, GLOBAL const float *x, int width)
{
    const long row = (long)GROUP * width;
    for (int c = LANE; c < width; c += LANES)
        y[row + c] = narrow(x[row + c]);
}

/* What a library's product lacks: y = activation(sums + bias), which are at the same place unless y
 * is narrow. bias may be NULL. */
KERNEL(LANES) void finish_product(GLOBAL void *y, GLOBAL const float *sums,
                                  GLOBAL const float *bias, int width, int activation,
                                  int to_narrow)
{
    const long row = (long)GROUP * width;
    for (int c = LANE; c < width; c += LANES)
        set_value(y, row + c, activate(sums[row + c] + (bias ? bias[c] : 0.0f), activation),
                  to_narrow);
}

#define TILE 64 /* rows, and outputs, of a work-group; each lane has a square of SQUARE^2 */
#define DEPTH 16
#define SQUARE 8

/* y (rows, outputs) = activation(x (rows, inputs) weight (outputs, inputs)^T + bias), added to what
 * y holds if `add`. Where weights are narrow x is rounded as they are. */
KERNEL(LANES) void product(GLOBAL void *y, GLOBAL const void *x, GLOBAL const void *weight,
                           GLOBAL const float *bias, int rows, int inputs, int outputs,
                           int activation, int add, int x_narrow, int weight_narrow, int y_narrow)
{
    SHARED float a[DEPTH][TILE + 1], b[DEPTH][TILE + 1];
    const int first_row = GROUP * TILE, first_output = GROUP_Y * TILE;
    const int lane_row = LANE / SQUARE, lane_output = LANE % SQUARE;
    float sums[SQUARE][SQUARE];
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < SQUARE; j++)
            sums[i][j] = 0.0f;
    for (int start = 0; start < inputs; start += DEPTH) {
        for (int at = LANE; at < TILE * DEPTH; at += LANES) {
            const int depth = at % DEPTH, line = at / DEPTH, k = start + depth;
            const int row = first_row + line, output = first_output + line;
            float left = 0.0f, right = 0.0f;
            if (k < inputs && row < rows)
                left = value_at(x, (long)row * inputs + k, x_narrow);
            if (k < inputs && output < outputs)
                right = value_at(weight, (long)output * inputs + k, weight_narrow);
            a[depth][line] = weight_narrow && !x_narrow ? widen(narrow(left)) : left;
            b[depth][line] = right;
        }
        BARRIER();
        for (int depth = 0; depth < DEPTH; depth++)
            for (int i = 0; i < SQUARE; i++)
                for (int j = 0; j < SQUARE; j++)
                    sums[i][j] +=
                        a[depth][i * SQUARE + lane_row] * b[depth][j * SQUARE + lane_output];
        BARRIER();
    }
    for (int i = 0; i < SQUARE; i++)
        for (int j = 0; j < SQUARE; j++) {
            const int row = first_row + i * SQUARE + lane_row,
                      output = first_output + j * SQUARE + lane_output;
            if (row >= rows || output >= outputs)
                continue;
            const long to = (long)row * outputs + output;
            float value = sums[i][j] + (bias ? bias[output] : 0.0f);
            if (add)
                value += ((GLOBAL const float *)y)[to];
            set_value(y, to, activate(value, activation), y_narrow);
        }
}
