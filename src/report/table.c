#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

/* The number at run[part][key] or run[part][key][inner]; NULL if it was not measured. */
static const json_t *number(const json_t *run, const char *part, const char *key, const char *inner)
{
    const json_t *value = json_object_get(json_object_get(run, part), key);
    return inner ? json_object_get(value, inner) : value;
}

static void print_number(FILE *out, const char *label, const json_t *value, const char *format,
                         double factor)
{
    if (!value)
        return;
    fprintf(out, "  %-44s ", label);
    if (json_is_number(value))
        fprintf(out, format, factor * json_number_value(value));
    else
        fputs("unreadable: no number", out);
    putc('\n', out);
}

static void print_globals(FILE *out, const json_t *layers)
{
    size_t l, h;
    json_t *heads, *count;
    json_array_foreach ((json_t *)layers, l, heads) {
        char label[64];
        snprintf(label, sizeof label, "global tokens per head, layer %zu", l);
        fprintf(out, "  %-44s", label);
        json_array_foreach (heads, h, count)
            fprintf(out, " %lld", (long long)json_integer_value(count));
        putc('\n', out);
    }
}

static void print_summaries(FILE *out, const json_t *grids)
{
    if (json_is_string(grids))
        fprintf(out, "  %-44s %s\n", "  summaries per layer", json_string_value(grids));
}

/* A line of the table: which number it shows, and how. */
typedef struct line {
    const char *label, *part, *key, *inner, *format;
    double factor;
} line;

static const line accuracy[] = {
    {"top-1, dense", "dense", "top1", NULL, "%.2f %%", 1.0},
    {"top-1, pruned", "pruned", "top1", NULL, "%.2f %%", 1.0},
    {"top-1, pruned + auto-encoder, finetuned", "finetuned", "top1", NULL, "%.2f %%", 1.0},
    {"attention kept", "polarize", "kept_share", NULL, "%.2f %%", 100.0},
};

static const line calibrated[] = {
    {"top-1, calibrated", "calibrated", "top1", NULL, "%.2f %%", 1.0},
    {"  attention pruned", "calibrate", "sparsity", NULL, "%.2f %%", 100.0},
    {"  agreement with dense, no labels", "calibrate", "agreement", NULL, "%.2f %%", 100.0},
};

static const line speed[] = {
    {"attention on this CPU, dense", "profile", "dense_ms", "median", "%.3f ms", 1.0},
    {"attention on this CPU, sparse", "profile", "sparse_ms", "median", "%.3f ms", 1.0},
    {"  dense / sparse, median", "profile", "ratio", "median", "%.2f", 1.0},
    {"  lower quartile", "profile", "ratio", "quartile_low", "%.2f", 1.0},
    {"  upper quartile", "profile", "ratio", "quartile_high", "%.2f", 1.0},
    {"accelerator, attention", "simulate", "attention", "cycles", "%.0f cycles", 1.0},
    {"accelerator, end to end", "simulate", "end_to_end", "cycles", "%.0f cycles", 1.0},
    {"published formulas, attention", "control", "attention", "total", "%.0f cycles", 1.0},
};

static void print_lines(FILE *out, const json_t *run, const line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_number(out, lines[i].label, number(run, lines[i].part, lines[i].key, lines[i].inner),
                     lines[i].format, lines[i].factor);
}

/* ---- what is not among the parts of the demo */

static int is_known(const char *part)
{
    static const char *const known[] = {"dense",    "pruned",     "finetuned",
                                        "polarize", "calibrated", "calibrate",
                                        "profile",  "simulate",   "control"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(part, known[i]) == 0)
            return 1;
    return 0;
}

/* The most important numbers of a result, those of the page's first table. */
static void print_other(FILE *out, const char *part, const json_t *result)
{
    size_t shown = 0;
    char label[VC__LABEL], number[VC__NUMBER];
    const char *verb = vc__text_at(result, "verb");
    for (size_t i = 0; i < VC__LINES; i++) {
        const vc__line *l = &vc__lines[i];
        if (strcmp(verb, l->verb) != 0 || !isfinite(vc__number_at(result, l->path)))
            continue;
        const double value = vc__number_at(result, l->path);
        snprintf(label, sizeof label, "%.30s: %.60s", part, l->label);
        fprintf(out, "  %-44s %s %s\n", label, vc__number(number, l->factor * value), l->unit);
        shown++;
    }
    if (shown == 0)
        fprintf(out, "  %-44s of `%s`: no number for this table\n", part, verb);
}

static int by_rank(const void *a, const void *b)
{
    const char *const *one = a, *const *other = b;
    const size_t first = vc__part_rank(*one), second = vc__part_rank(*other);
    return first != second ? (first < second ? -1 : 1) : strcmp(*one, *other);
}

static void print_others(FILE *out, const json_t *run)
{
    size_t count = 0;
    const char *part;
    json_t *result;
    const char **names = calloc(json_object_size(run) + 1, sizeof *names);
    json_object_foreach ((json_t *)run, part, result)
        if (names && json_is_object(result) && !is_known(part))
            names[count++] = part;
    if (names)
        qsort(names, count, sizeof *names, by_rank);
    for (size_t i = 0; i < count; i++)
        print_other(out, names[i], json_object_get(run, names[i]));
    free(names);
}

void vc_table_print(FILE *out, const json_t *run)
{
    print_lines(out, run, accuracy, sizeof accuracy / sizeof *accuracy);
    print_globals(out, number(run, "polarize", "global_tokens", NULL));
    print_lines(out, run, calibrated, sizeof calibrated / sizeof *calibrated);
    print_summaries(out, number(run, "calibrate", "summaries", NULL));
    print_lines(out, run, speed, sizeof speed / sizeof *speed);
    print_others(out, run);
}
