/* A checkpoint under other names, by the tables of naming_tables.c. */
#include "naming.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "renaming.h"

enum { MOST_STAGES = 8, LEFT_OUT = 256 };

/* ---- one name */

typedef struct matched {
    const vc__naming_row *row;
    size_t numbers[2];
    const char *rest; /* "" or ".weight"; what the table's * stands for */
} matched;

static int matches(matched *out, const vc__naming_row *r, const char *name)
{
    size_t numbers = 0;
    const char *p = r->theirs;
    for (; *p && *p != '*'; p++) {
        if (*p != '#') {
            if (*name++ != *p)
                return 0;
            continue;
        }
        const size_t digits = strspn(name, "0123456789");
        if (digits == 0 || digits > 4)
            return 0;
        out->numbers[numbers++] = strtoul(name, NULL, 10);
        name += digits;
    }
    out->row = r;
    out->rest = name;
    return *p == '*' || *name == '\0' || (*name == '.' && !strchr(name + 1, '.'));
}

static int find_row(matched *out, const vc__naming_row *rows, const char *name)
{
    for (const vc__naming_row *r = rows; r->theirs; r++) {
        *out = (matched){0};
        if (matches(out, r, name))
            return 1;
    }
    return 0;
}

/* `pattern` with the numbers one after the other, and what follows it. */
static void write_name(char out[VC__TENSOR_NAME], const char *prefix, const char *pattern,
                       const size_t *numbers, const char *rest)
{
    size_t used = (size_t)snprintf(out, VC__TENSOR_NAME, "%s", prefix);
    for (; *pattern && *pattern != '*' && used < VC__TENSOR_NAME - 8; pattern++)
        used += *pattern == '#' ? (size_t)snprintf(out + used, 8, "%zu", *numbers++)
                                : (size_t)snprintf(out + used, 2, "%c", *pattern);
    snprintf(out + used, VC__TENSOR_NAME - used, "%s", rest);
}

/* ---- all names */

typedef struct renamer {
    const vc__naming *naming;
    const char *prefix;
    size_t first[MOST_STAGES + 1]; /* layers before those of a stage */
} renamer;

/* Names that are left out, as many as have room. */
typedef struct left_out {
    char text[LEFT_OUT];
    size_t count, named;
} left_out;

static const char *without(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : name;
}

static int has_stages(const vc__naming_row *row)
{
    return row->how != VC__NAME_SECOND && strchr(row->theirs, '#') != strrchr(row->theirs, '#');
}

/* Blocks whose names hold a stage and a layer of it are numbered through all stages. */
static void count_layers(renamer *r, const vc_tensor_file *file)
{
    size_t layers[MOST_STAGES] = {0};
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        matched m;
        const char *name = without(vc_tensor_file_at(file, i)->name, r->prefix);
        if (!find_row(&m, r->naming->rows, name) || !has_stages(m.row) ||
            m.numbers[0] >= MOST_STAGES)
            continue;
        if (layers[m.numbers[0]] < m.numbers[1] + 1)
            layers[m.numbers[0]] = m.numbers[1] + 1;
    }
    for (size_t s = 0; s < MOST_STAGES; s++)
        r->first[s + 1] = r->first[s] + layers[s];
}

/* The parts of one tensor, such as Q, K and V, (C, C) or (C), one below the other. */
static vc_status join_parts(vc__renaming *to, const renamer *r, const matched *m,
                            const char *joined)
{
    enum { MOST_PARTS = 3 };
    const vc_tensor *parts[MOST_PARTS];
    char first_name[VC__TENSOR_NAME], name[VC__TENSOR_NAME];
    const size_t wanted = m->row->parts;
    assert(wanted <= MOST_PARTS);
    for (size_t i = 0; i < wanted; i++) {
        write_name(name, r->prefix, m->row[i].theirs, m->numbers, m->rest);
        if (i == 0)
            strcpy(first_name, name);
        const vc_tensor *first = vc_tensor_file_find(to->from, first_name);
        VC_TRY(vc_tensor_file_get(&parts[i], to->from, name, VC_F32, first->rank, first->shape));
    }
    vc_tensor all = *parts[0];
    const size_t count = vc_tensor_count(parts[0]);
    if (all.rank == 0 || count > SIZE_MAX / 16)
        return vc_fail(VC_EFORMAT, "%s: '%s' has %zu values in rank %zu, wanted a matrix or a bias",
                       vc_tensor_file_path(to->from), first_name, count, all.rank);
    all.shape[0] *= wanted;
    float *values = vc__rename_floats(to, wanted * count);
    for (size_t i = 0; i < wanted && values; i++) {
        memcpy(values + i * count, parts[i]->data, count * sizeof *values);
        vc_tensor_file_forget(to->from, parts[i]->data, count * sizeof *values);
    }
    all.data = values;
    vc__rename_add(to, joined, &all);
    return VC_OK;
}

static int has_first_part(const vc__renaming *to, const renamer *r, const matched *m)
{
    char name[VC__TENSOR_NAME];
    write_name(name, r->prefix, (m->row - m->row->part)->theirs, m->numbers, m->rest);
    return vc_tensor_file_find(to->from, name) != NULL;
}

/* A product without a bias that makes an embedding, (E, C) or (C, E), is a head with a bias of 0,
 * as timm has it. */
static vc_status add_projection(vc__renaming *to, const matched *m, const vc_named_tensor *tensor)
{
    const vc_tensor *from = &tensor->tensor;
    if (from->rank != 2 || from->dtype != VC_F32)
        return vc_fail(VC_EFORMAT, "%s: '%s' is of rank %zu, wanted a matrix of floats",
                       vc_tensor_file_path(to->from), tensor->name, from->rank);
    const int transposed = m->row->how == VC__NAME_TRANSPOSED;
    const size_t rows = from->shape[0], columns = from->shape[1],
                 outputs = transposed ? columns : rows;
    vc_tensor weight = *from, bias = {VC_F32, 1, {outputs}, NULL};
    float *values = transposed ? vc__rename_floats(to, rows * columns) : NULL,
          *zeros = vc__rename_floats(to, outputs);
    for (size_t i = 0; values && i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            values[k * rows + i] = ((const float *)from->data)[i * columns + k];
    if (zeros)
        memset(zeros, 0, outputs * sizeof *zeros);
    if (transposed)
        weight = (vc_tensor){VC_F32, 2, {columns, rows}, values};
    bias.data = zeros;
    vc__rename_add(to, m->row->ours, &weight);
    vc__rename_add(to, "head.bias", &bias);
    vc__rename_say(to, "head", "projection");
    vc__rename_note(to, "'%s' is its head, which makes an embedding: no classes", tensor->name);
    return VC_OK;
}

static void leave_out(left_out *left, const char *name)
{
    const size_t used = strlen(left->text);
    left->count++;
    if (left->named + 1 < left->count || used + strlen(name) + 5 > LEFT_OUT)
        return;
    left->named++;
    snprintf(left->text + used, LEFT_OUT - used, "%s'%s'", used ? ", " : "", name);
}

/* Tokens and positions as (1, T, C), where they are (C) or (T, C). */
static vc_tensor lifted(const char *name, const vc_tensor *tensor)
{
    vc_tensor out = *tensor;
    if (strcmp(name, "cls_token") != 0 && strcmp(name, "pos_embed") != 0)
        return out;
    while (out.rank > 0 && out.rank < 3) {
        memmove(out.shape + 1, out.shape, out.rank * sizeof *out.shape);
        out.shape[0] = 1;
        out.rank++;
    }
    return out;
}

static void add_named(vc__renaming *to, char name[VC__TENSOR_NAME], const vc_tensor *tensor)
{
    /* Without a classifier of its own it is a token like a register. */
    if (strcmp(name, "dist_token") == 0 &&
        !vc_tensor_file_find(to->from, "distillation_classifier.weight"))
        strcpy(name, "reg_token");
    const vc_tensor as_ours = lifted(name, tensor);
    vc__rename_add(to, name, &as_ours);
}

static vc_status rename_one(vc__renaming *to, const renamer *r, const vc_named_tensor *tensor,
                            left_out *left)
{
    matched m;
    char name[VC__TENSOR_NAME];
    if (!find_row(&m, r->naming->rows, without(tensor->name, r->prefix)) ||
        (m.row->part > 0 && !has_first_part(to, r, &m))) {
        vc__rename_add(to, tensor->name, &tensor->tensor);
        return VC_OK;
    }
    if (!m.row->ours) {
        leave_out(left, tensor->name);
        return VC_OK;
    }
    if (m.row->how == VC__NAME_SECOND)
        m.numbers[0] = m.numbers[1];
    else if (has_stages(m.row) && m.numbers[0] < MOST_STAGES)
        m.numbers[0] = r->first[m.numbers[0]] + m.numbers[1];
    write_name(name, "", m.row->ours, m.numbers, m.rest);
    if (m.row->how == VC__NAME_PROJECTION || m.row->how == VC__NAME_TRANSPOSED)
        return add_projection(to, &m, tensor);
    if (m.row->how == VC__NAME_PART)
        return m.row->part == 0 ? join_parts(to, r, &m, name) : VC_OK;
    add_named(to, name, &tensor->tensor);
    return VC_OK;
}

static vc_status rename_all(vc__renaming *to, void *context)
{
    const renamer *r = context;
    vc__rename_note(to, "has %s names", r->naming->whose);
    left_out left = {.count = 0};
    for (size_t i = 0; i < vc_tensor_file_count(to->from); i++)
        VC_TRY(rename_one(to, r, vc_tensor_file_at(to->from, i), &left));
    if (left.count > left.named)
        vc__rename_note(to, "left out, as nothing here reads it: %s and %zu more", left.text,
                        left.count - left.named);
    else if (left.count > 0)
        vc__rename_note(to, "left out, as nothing here reads it: %s", left.text);
    if (r->naming->activation && !vc_tensor_file_metadata(to->from, "activation"))
        vc__rename_say(to, "activation", r->naming->activation);
    return VC_OK;
}

/* Whether a file has this program's names, behind this prefix. */
static int is_named(const renamer *r, const vc_tensor_file *file)
{
    for (size_t i = 0; i < 2 && r->naming->signs[i]; i++) {
        char sign[VC__TENSOR_NAME];
        snprintf(sign, sizeof sign, "%s%s", r->prefix, r->naming->signs[i]);
        if (!vc_tensor_file_find(file, sign))
            return 0;
    }
    return 1;
}

vc_status vc__name_as_known(vc_tensor_file **file)
{
    for (size_t n = 0; n < vc__naming_count; n++)
        for (size_t p = 0; vc__namings[n].prefixes[p]; p++) {
            renamer r = {.naming = &vc__namings[n], .prefix = vc__namings[n].prefixes[p]};
            if (!is_named(&r, *file))
                continue;
            count_layers(&r, *file);
            return vc__rename(file, rename_all, &r, 2);
        }
    return VC_OK;
}
