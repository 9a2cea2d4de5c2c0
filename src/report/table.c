#include <stdio.h>

#include "vitcod/report.h"

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

void vc_table_print(FILE *out, const json_t *run)
{
    print_lines(out, run, accuracy, sizeof accuracy / sizeof *accuracy);
    print_globals(out, number(run, "polarize", "global_tokens", NULL));
    print_lines(out, run, calibrated, sizeof calibrated / sizeof *calibrated);
    print_summaries(out, number(run, "calibrate", "summaries", NULL));
    print_lines(out, run, speed, sizeof speed / sizeof *speed);
}
