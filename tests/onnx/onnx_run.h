/* Runs an ONNX file node by node, in double and without any haste: what the operators mean, as
 * ONNX's Operators.md has them at opset 17. */
#ifndef VC_TEST_ONNX_RUN_H
#define VC_TEST_ONNX_RUN_H

#include "onnx_file.h"

typedef struct onnx_run {
    onnx_file *file;
    const onnx_node *node;
    const onnx_tensor *in[ONNX_INPUTS];
} onnx_run;

static inline onnx_tensor onnx_shaped(size_t rank, const size_t *dims)
{
    onnx_tensor out = {.rank = rank};
    memcpy(out.dims, dims, rank * sizeof *dims);
    out.values = calloc(onnx_count(&out) + 1, sizeof *out.values);
    assert_non_null(out.values);
    return out;
}

static inline const onnx_attribute *onnx_has(const onnx_run *r, const char *name)
{
    for (size_t i = 0; i < r->node->attribute_count; i++)
        if (strcmp(r->node->attributes[i].name, name) == 0)
            return &r->node->attributes[i];
    fail_msg("%s has no '%s'", r->node->type, name);
    return NULL;
}

static inline size_t onnx_axis(const onnx_run *r, const char *name)
{
    const int64_t axis = onnx_has(r, name)->numbers[0];
    return (size_t)(axis < 0 ? axis + (int64_t)r->in[0]->rank : axis);
}

/* Products of the sizes before and behind an axis. */
static inline void onnx_around(size_t *before, size_t *behind, const onnx_tensor *t, size_t axis)
{
    *before = *behind = 1;
    for (size_t i = 0; i < t->rank; i++)
        *(i < axis ? before : behind) *= i == axis ? 1 : t->dims[i];
}

/* Splits a place in `t` into its indices. */
static inline void onnx_indices(size_t out[ONNX_RANK], const onnx_tensor *t, size_t place)
{
    for (size_t i = t->rank; i-- > 0; place /= t->dims[i])
        out[i] = place % t->dims[i];
}

/* The value of `t` that stands at these indices of `out`, by ONNX's broadcasting. */
static inline double onnx_broadcast(const onnx_tensor *t, const onnx_tensor *out,
                                    const size_t at[ONNX_RANK])
{
    size_t place = 0;
    for (size_t i = 0; i < t->rank; i++) {
        const size_t of_out = i + out->rank - t->rank;
        assert_true(t->dims[i] == 1 || t->dims[i] == out->dims[of_out]);
        place = place * t->dims[i] + (t->dims[i] == 1 ? 0 : at[of_out]);
    }
    return t->values[place];
}

static inline onnx_tensor onnx_elementwise(const onnx_run *r)
{
    const char *type = r->node->type;
    onnx_tensor shape = {0};
    size_t at[ONNX_RANK];
    for (size_t k = 0; k < r->node->input_count; k++)
        if (r->in[k]->rank > shape.rank)
            shape.rank = r->in[k]->rank;
    for (size_t k = 0; k < r->node->input_count; k++)
        for (size_t i = 0; i < r->in[k]->rank; i++) {
            size_t *dim = &shape.dims[i + shape.rank - r->in[k]->rank];
            *dim = r->in[k]->dims[i] > *dim ? r->in[k]->dims[i] : *dim;
        }
    onnx_tensor out = onnx_shaped(shape.rank, shape.dims);
    for (size_t p = 0; p < onnx_count(&out); p++) {
        double x[3] = {0};
        onnx_indices(at, &out, p);
        for (size_t k = 0; k < r->node->input_count; k++)
            x[k] = onnx_broadcast(r->in[k], &out, at);
        out.values[p] = strcmp(type, "Add") == 0         ? x[0] + x[1]
                        : strcmp(type, "Sub") == 0       ? x[0] - x[1]
                        : strcmp(type, "Mul") == 0       ? x[0] * x[1]
                        : strcmp(type, "Div") == 0       ? x[0] / x[1]
                        : strcmp(type, "Where") == 0     ? (x[0] != 0.0 ? x[1] : x[2])
                        : strcmp(type, "Erf") == 0       ? erf(x[0])
                        : strcmp(type, "Sqrt") == 0      ? sqrt(x[0])
                        : strcmp(type, "Relu") == 0      ? fmax(x[0], 0.0)
                        : strcmp(type, "Tanh") == 0      ? tanh(x[0])
                        : strcmp(type, "Sigmoid") == 0   ? 1.0 / (1.0 + exp(-x[0]))
                        : strcmp(type, "HardSwish") == 0 ? x[0] * fmin(fmax(x[0] / 6 + 0.5, 0), 1)
                                                         : NAN;
    }
    return out;
}

static inline onnx_tensor onnx_reshape(const onnx_run *r)
{
    const size_t count = onnx_count(r->in[0]);
    size_t dims[ONNX_RANK], known = 1, open = ONNX_RANK;
    assert_true(r->in[1]->dims[0] <= ONNX_RANK);
    for (size_t i = 0; i < r->in[1]->dims[0]; i++) {
        const double wanted = r->in[1]->values[i];
        dims[i] = wanted == 0.0 ? r->in[0]->dims[i] : wanted < 0.0 ? 1 : (size_t)wanted;
        open = wanted < 0.0 ? i : open;
        known *= dims[i];
    }
    if (open < ONNX_RANK)
        dims[open] = count / known;
    onnx_tensor out = onnx_shaped(r->in[1]->dims[0], dims);
    assert_int_equal(onnx_count(&out), count);
    memcpy(out.values, r->in[0]->values, count * sizeof *out.values);
    return out;
}

static inline onnx_tensor onnx_transpose(const onnx_run *r)
{
    const int64_t *order = onnx_has(r, "perm")->numbers;
    const onnx_tensor *x = r->in[0];
    size_t dims[ONNX_RANK], at[ONNX_RANK], from[ONNX_RANK];
    assert_int_equal(onnx_has(r, "perm")->count, x->rank);
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = x->dims[order[i]];
    onnx_tensor out = onnx_shaped(x->rank, dims);
    for (size_t p = 0; p < onnx_count(&out); p++) {
        size_t place = 0;
        onnx_indices(at, &out, p);
        for (size_t i = 0; i < x->rank; i++)
            from[order[i]] = at[i];
        for (size_t i = 0; i < x->rank; i++)
            place = place * x->dims[i] + from[i];
        out.values[p] = x->values[place];
    }
    return out;
}

static inline onnx_tensor onnx_slice(const onnx_run *r)
{
    const onnx_tensor *x = r->in[0];
    size_t dims[ONNX_RANK], first[ONNX_RANK] = {0}, step[ONNX_RANK], at[ONNX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    for (size_t i = 0; i < ONNX_RANK; i++)
        step[i] = 1;
    for (size_t k = 0; k < r->in[3]->dims[0]; k++) {
        const size_t axis = (size_t)r->in[3]->values[k];
        first[axis] = (size_t)r->in[1]->values[k];
        step[axis] = r->in[4] ? (size_t)r->in[4]->values[k] : 1;
        assert_true((size_t)r->in[2]->values[k] <= x->dims[axis]);
        dims[axis] = ((size_t)r->in[2]->values[k] - first[axis] + step[axis] - 1) / step[axis];
    }
    onnx_tensor out = onnx_shaped(x->rank, dims);
    for (size_t p = 0; p < onnx_count(&out); p++) {
        size_t place = 0;
        onnx_indices(at, &out, p);
        for (size_t i = 0; i < x->rank; i++)
            place = place * x->dims[i] + first[i] + at[i] * step[i];
        out.values[p] = x->values[place];
    }
    return out;
}

static inline onnx_tensor onnx_pad(const onnx_run *r)
{
    const onnx_tensor *x = r->in[0], *pads = r->in[1];
    size_t dims[ONNX_RANK], at[ONNX_RANK];
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = x->dims[i] + (size_t)pads->values[i] + (size_t)pads->values[i + x->rank];
    onnx_tensor out = onnx_shaped(x->rank, dims);
    for (size_t p = 0; p < onnx_count(x); p++) {
        size_t place = 0;
        onnx_indices(at, x, p);
        for (size_t i = 0; i < x->rank; i++)
            place = place * dims[i] + at[i] + (size_t)pads->values[i];
        out.values[place] = x->values[p];
    }
    return out;
}

static inline onnx_tensor onnx_concat(const onnx_run *r)
{
    const size_t axis = onnx_axis(r, "axis");
    size_t dims[ONNX_RANK], before, behind, done = 0;
    memcpy(dims, r->in[0]->dims, sizeof dims);
    dims[axis] += r->in[1]->dims[axis];
    onnx_tensor out = onnx_shaped(r->in[0]->rank, dims);
    onnx_around(&before, &behind, &out, axis);
    for (size_t b = 0; b < before; b++)
        for (size_t k = 0; k < 2; k++) {
            const size_t count = r->in[k]->dims[axis] * behind;
            memcpy(out.values + done, r->in[k]->values + b * count, count * sizeof *out.values);
            done += count;
        }
    assert_int_equal(done, onnx_count(&out));
    return out;
}

/* Softmax, LayerNormalization over the last axis; ReduceMean over any. */
static inline onnx_tensor onnx_by_rows(const onnx_run *r)
{
    const onnx_tensor *x = r->in[0];
    const int softmax = strcmp(r->node->type, "Softmax") == 0,
              mean = strcmp(r->node->type, "ReduceMean") == 0;
    const size_t axis = onnx_axis(r, mean ? "axes" : "axis"), n = x->dims[axis];
    size_t before, behind, dims[ONNX_RANK];
    onnx_around(&before, &behind, x, axis);
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = mean ? 1 : n;
    assert_true(mean || axis == x->rank - 1);
    onnx_tensor out = onnx_shaped(x->rank, dims);
    for (size_t row = 0; row < before * behind; row++) {
        const double *from = x->values + row / behind * n * behind + row % behind;
        double sum = 0.0, most = -INFINITY, squares = 0.0;
        for (size_t i = 0; i < n; i++) {
            sum += from[i * behind];
            most = fmax(most, from[i * behind]);
        }
        if (mean) {
            out.values[row] = sum / (double)n;
            continue;
        }
        for (size_t i = 0; i < n; i++)
            squares += softmax ? exp(from[i] - most) : pow(from[i] - sum / (double)n, 2.0);
        for (size_t i = 0; i < n; i++)
            out.values[row * n + i] =
                softmax ? exp(from[i] - most) / squares
                        : (from[i] - sum / (double)n) /
                                  sqrt(squares / (double)n + (double)onnx_has(r, "epsilon")->real) *
                                  r->in[1]->values[i] +
                              r->in[2]->values[i];
    }
    return out;
}

/* The matrix of `t` that stands at these indices of the batch. */
static inline const double *onnx_matrix(const onnx_tensor *t, const onnx_tensor *out,
                                        const size_t at[ONNX_RANK])
{
    size_t place = 0;
    for (size_t i = 0; i + 2 < t->rank; i++)
        place = place * t->dims[i] + (t->dims[i] == 1 ? 0 : at[i + out->rank - t->rank]);
    return t->values + place * t->dims[t->rank - 2] * t->dims[t->rank - 1];
}

static inline onnx_tensor onnx_matmul(const onnx_run *r)
{
    const onnx_tensor *a = r->in[0], *b = r->in[1], *longer = a->rank >= b->rank ? a : b;
    const size_t m = a->dims[a->rank - 2], k = a->dims[a->rank - 1], n = b->dims[b->rank - 1];
    size_t dims[ONNX_RANK], at[ONNX_RANK];
    assert_int_equal(b->dims[b->rank - 2], k);
    memcpy(dims, longer->dims, sizeof dims);
    for (size_t i = 0; i + 2 < a->rank; i++)
        if (a->dims[i] > dims[i + longer->rank - a->rank])
            dims[i + longer->rank - a->rank] = a->dims[i];
    dims[longer->rank - 2] = m;
    dims[longer->rank - 1] = n;
    onnx_tensor out = onnx_shaped(longer->rank, dims);
    for (size_t p = 0; p < onnx_count(&out); p += m * n) {
        onnx_indices(at, &out, p);
        const double *x = onnx_matrix(a, &out, at), *y = onnx_matrix(b, &out, at);
        for (size_t i = 0; i < m; i++)
            for (size_t l = 0; l < k; l++)
                for (size_t j = 0; j < n; j++)
                    out.values[p + i * n + j] += x[i * k + l] * y[l * n + j];
    }
    return out;
}

static inline onnx_tensor onnx_conv(const onnx_run *r)
{
    const onnx_tensor *x = r->in[0], *w = r->in[1];
    const int64_t stride = onnx_has(r, "strides")->numbers[0],
                  pad = onnx_has(r, "pads")->numbers[0];
    const size_t k = w->dims[2], c = w->dims[1], side = x->dims[2];
    const size_t out_side = (side + 2 * (size_t)pad - k) / (size_t)stride + 1;
    const size_t dims[] = {x->dims[0], w->dims[0], out_side, out_side};
    onnx_tensor out = onnx_shaped(4, dims);
    size_t at[ONNX_RANK];
    assert_int_equal(x->dims[1], c);
    for (size_t p = 0; p < onnx_count(&out); p++) {
        onnx_indices(at, &out, p);
        double sum = r->in[2] ? r->in[2]->values[at[1]] : 0.0;
        for (size_t i = 0; i < c * k * k; i++) {
            const int64_t row = (int64_t)at[2] * stride - pad + (int64_t)(i / k % k),
                          column = (int64_t)at[3] * stride - pad + (int64_t)(i % k);
            const int64_t plane = (int64_t)((at[0] * c + i / k / k) * side);
            if (row >= 0 && column >= 0 && row < (int64_t)side && column < (int64_t)side)
                sum += x->values[(plane + row) * (int64_t)side + column] *
                       w->values[at[1] * c * k * k + i];
        }
        out.values[p] = sum;
    }
    return out;
}

static inline void onnx_run_node(onnx_file *file, const onnx_node *node)
{
    static const struct {
        const char *type;
        onnx_tensor (*run)(const onnx_run *r);
    } kinds[] = {{"Reshape", onnx_reshape},
                 {"Transpose", onnx_transpose},
                 {"Slice", onnx_slice},
                 {"Pad", onnx_pad},
                 {"Concat", onnx_concat},
                 {"Softmax", onnx_by_rows},
                 {"MatMul", onnx_matmul},
                 {"ReduceMean", onnx_by_rows},
                 {"Conv", onnx_conv},
                 {"LayerNormalization", onnx_by_rows},
                 {"Add", onnx_elementwise},
                 {"Mul", onnx_elementwise},
                 {"Div", onnx_elementwise},
                 {"Where", onnx_elementwise},
                 {"Erf", onnx_elementwise},
                 {"Sigmoid", onnx_elementwise},
                 {"Sub", onnx_elementwise},
                 {"Sqrt", onnx_elementwise},
                 {"Relu", onnx_elementwise},
                 {"Tanh", onnx_elementwise},
                 {"HardSwish", onnx_elementwise}};
    onnx_run r = {.file = file, .node = node};
    for (size_t i = 0; i < node->input_count; i++)
        r.in[i] = onnx_find(file, node->inputs[i]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].type, node->type) == 0) {
            onnx_tensor made = kinds[i].run(&r);
            snprintf(made.name, sizeof made.name, "%s", node->output);
            *onnx_add_tensor(file, node->output) = made;
            return;
        }
    fail_msg("an operator '%s'", node->type);
}

/* The outputs of so many images. */
static inline void onnx_run_file(float *out, onnx_file *file, const float *images, size_t count)
{
    size_t dims[ONNX_RANK];
    memcpy(dims, file->input_dims, sizeof dims);
    dims[0] = count;
    onnx_forget(file);
    onnx_tensor input = onnx_shaped(file->input_rank, dims);
    for (size_t i = 0; i < onnx_count(&input); i++)
        input.values[i] = (double)images[i];
    snprintf(input.name, sizeof input.name, "%s", file->input);
    *onnx_add_tensor(file, file->input) = input;
    for (size_t n = 0; n < file->node_count; n++)
        onnx_run_node(file, &file->nodes[n]);
    const onnx_tensor *made = onnx_find(file, file->output);
    assert_int_equal(made->rank, 2);
    assert_int_equal(made->dims[0], count);
    assert_int_equal(made->dims[1], file->output_dims[1]);
    for (size_t i = 0; i < onnx_count(made); i++)
        out[i] = (float)made->values[i];
}

#endif
