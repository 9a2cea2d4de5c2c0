/* A comparison as text: a table for each scene, and what to think of its ratios. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "vitcod/compare.h"

static void print_times(FILE *out, double times)
{
    if (isnan(times))
        fprintf(out, " %8s", "");
    else
        fprintf(out, " %8.2f", times);
}

static void print_head(FILE *out, const vc_compare_row *r)
{
    const char *const whole[] = {r->has_end_to_end ? "  end to end,    times" : "",
                                 r->has_end_to_end ? "       cycles   vitcod" : ""};
    fprintf(out, "%s, sparsity %g, %s (%.1f %% of scores kept; dynamic sparsity from %s)\n",
            r->arch, r->sparsity, r->method, 100.0 * r->kept_share, r->seen);
    fprintf(out, "  %-22s %11s %8s %7s %9s%s\n", "", "attention,", "times", "MACs", "DRAM,",
            whole[0]);
    fprintf(out, "  %-22s %11s %8s %7s %9s%s\n", "", "cycles", "vitcod", "busy", "KiB", whole[1]);
}

static void print_row(FILE *out, const vc_compare_row *r)
{
    const vc_point *a = &r->attention;
    fprintf(out, "  %-22s %11.0f", r->chip.chip.name, (double)a->cycles);
    print_times(out, r->attention_times);
    fprintf(out, " %6.1f%% %9.1f", 100.0 * a->mac_utilisation, (double)a->dram_bytes / 1024.0);
    if (r->has_end_to_end) {
        fprintf(out, " %12.0f", (double)r->end_to_end.cycles);
        print_times(out, r->end_to_end_times);
    }
    fprintf(out, "  %s%s%s\n", r->setting, r->summaries ? "; summaries " : "",
            r->summaries ? r->summaries : "");
}

static void print_energy_head(FILE *out)
{
    fprintf(out, "  %-23s %11s %8s %11s %8s %11s %8s %11s %8s\n", "energy of attention, uJ", "all",
            "times", "on-chip", "times", "DRAM access", "times", "standby", "times");
}

static void print_energy(FILE *out, const vc_compare_row *r)
{
    const vc_point *a = &r->attention;
    const double energies[] = {a->energy_uj, a->on_chip_uj, a->dram_access_uj, a->dram_standby_uj},
                 ratios[] = {r->energy_times, r->on_chip_times, r->dram_access_times,
                             r->dram_standby_times};
    fprintf(out, "  %-23s", r->chip.chip.name);
    for (size_t i = 0; i < 4; i++) {
        fprintf(out, " %11.1f", energies[i]);
        print_times(out, ratios[i]);
    }
    fputc('\n', out);
}

/* ---- below the tables */

static int same_remark(const vc_compare_row *a, const vc_compare_row *b)
{
    return b->ahead && strcmp(a->ahead, b->ahead) == 0 &&
           strcmp(a->chip.chip.name, b->chip.chip.name) == 0;
}

/* Of one ratio over all rows with the remark of this one. */
static void print_range(FILE *out, const vc_comparison *c, const vc_compare_row *r,
                        const char *what, size_t offset)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < c->row_count; i++)
        if (same_remark(r, &c->rows[i])) {
            const double times =
                *(const double *)(const void *)((const char *)&c->rows[i] + offset);
            least = fmin(least, times);
            most = fmax(most, times);
        }
    if (least <= most)
        fprintf(out, "%s %.2f", what, least);
    if (most - least >= 0.005)
        fprintf(out, " to %.2f", most);
}

/* Once for each chip. */
static void print_ahead(FILE *out, const vc_comparison *c, size_t row)
{
    const vc_compare_row *r = &c->rows[row];
    for (size_t i = 0; i < row; i++)
        if (same_remark(r, &c->rows[i]))
            return;
    fprintf(out, "- %s (", r->chip.chip.name);
    print_range(out, c, r, "attention", offsetof(vc_compare_row, attention_times));
    print_range(out, c, r, ", energy", offsetof(vc_compare_row, energy_times));
    print_range(out, c, r, ", on-chip", offsetof(vc_compare_row, on_chip_times));
    print_range(out, c, r, ", end to end", offsetof(vc_compare_row, end_to_end_times));
    fprintf(out, "): %s.\n", r->ahead);
}

static void print_remarks(FILE *out, const vc_comparison *c)
{
    int measured = 0, ahead = 0;
    for (size_t i = 0; i < c->row_count; i++) {
        measured |= !isnan(c->rows[i].attention_times);
        ahead |= c->rows[i].ahead != NULL;
    }
    fputs("\nCycles are of each chip's own clock. MACs busy: of what the lines could do in the "
          "time.\nStandby: what the DRAM takes for as long as it takes, whatever is done.\n",
          out);
    if (measured)
        fputs("Times vitcod: as many times the time, or the energy, of the chip vitcod in the same "
              "table.\n",
              out);
    else
        fputs("There are no times vitcod, as no chip is the built-in vitcod.\n", out);
    if (ahead)
        fputs("Below 1 a chip beats vitcod:\n", out);
    for (size_t i = 0; i < c->row_count; i++)
        if (c->rows[i].ahead)
            print_ahead(out, c, i);
}

static void print_measured(FILE *out, const vc_comparison *c)
{
    for (size_t m = 0; m < c->measured_count; m++) {
        const vc_measured *by = &c->measured[m];
        fprintf(out, "\n%s (%s): %.4g ms an image, ", by->path, by->kind, 1e-3 * by->end_to_end_us);
        if (isnan(by->attention_us))
            fputs("attention not told from the rest\n ", out);
        else
            fprintf(out, "attention %.4g ms\n ", 1e-3 * by->attention_us);
        for (size_t i = 0; i < by->class_count; i++)
            fprintf(out, " %s %.1f %%", by->classes[i].work, 100.0 * by->classes[i].share);
        fputc('\n', out);
        for (size_t i = 0; i < c->measured_times_count; i++) {
            const vc_measured_times *t = &c->measured_times[i];
            if (strcmp(t->path, by->path) != 0 ||
                (isnan(t->attention_times) && isnan(t->end_to_end_times)))
                continue;
            fprintf(out, "  times vitcod with %s at %g:", t->arch, t->sparsity);
            if (!isnan(t->attention_times))
                fprintf(out, " attention %8.2f", t->attention_times);
            if (!isnan(t->end_to_end_times))
                fprintf(out, "%s end to end %8.2f", isnan(t->attention_times) ? "" : ",",
                        t->end_to_end_times);
            fputc('\n', out);
        }
    }
    if (c->measured_count)
        fprintf(out,
                "The paper has for attention at 0.9, times ViTCoD: CPU (Xeon Gold 6230R) %g, "
                "EdgeGPU (Xavier NX) %g, GPU (RTX 2080 Ti) %g.\n",
                c->paper.cpu_at_09, c->paper.edge_gpu_at_09, c->paper.gpu_at_09);
}

void vc_comparison_print(FILE *out, const vc_comparison *c)
{
    const vc_compare_paper *p = &c->paper;
    for (size_t i = 0, end; i < c->row_count; i = end) {
        fputs(i ? "\n" : "", out);
        print_head(out, &c->rows[i]);
        for (end = i; end < c->row_count && c->rows[end].scene == c->rows[i].scene; end++)
            print_row(out, &c->rows[end]);
        print_energy_head(out);
        for (size_t row = i; row < end; row++)
            print_energy(out, &c->rows[row]);
    }
    print_remarks(out, c);
    print_measured(out, c);
    fprintf(out,
            "The paper (%s) has for attention: reorder only / prune + reorder %g (%g at 0.9), "
            "prune only / prune + reorder %g (%g), SpAtten / ViTCoD %g and Sanger / ViTCoD %g at "
            "0.9.\n%s says which assumption makes each difference, and what else it could be.\n",
            p->source, p->reorder_mean, p->reorder_at_09, p->prune_mean, p->prune_at_09,
            p->spatten_at_09, p->sanger_at_09, p->explained);
}
