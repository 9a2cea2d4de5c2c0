/* A comparison as text: a table for each scene. */
#include <math.h>

#include "vitcod/compare.h"

static void print_times(FILE *out, double times)
{
    if (isnan(times))
        fprintf(out, " %8s", "");
    else
        fprintf(out, " %8.2f", times);
}

static void print_row(FILE *out, const vc_compare_row *r)
{
    const vc_point *a = &r->attention;
    fprintf(out, "  %-22s %11.0f", r->chip.chip.name, (double)a->cycles);
    print_times(out, r->attention_times);
    fprintf(out, " %6.1f%% %9.1f", 100.0 * a->mac_utilisation, (double)a->dram_bytes / 1024.0);
    fprintf(out, " %9.1f", a->energy_uj);
    print_times(out, r->energy_times);
    if (r->has_end_to_end) {
        fprintf(out, " %11.0f", (double)r->end_to_end.cycles);
        print_times(out, r->end_to_end_times);
    }
    fprintf(out, "  %s%s%s\n", r->setting, r->summaries ? "; summaries " : "",
            r->summaries ? r->summaries : "");
}

void vc_comparison_print(FILE *out, const vc_comparison *c)
{
    const vc_compare_row *before = NULL;
    for (size_t i = 0; i < c->row_count; before = &c->rows[i++]) {
        const vc_compare_row *r = &c->rows[i];
        if (!before || r->scene != before->scene) {
            fprintf(out,
                    "%s%s, sparsity %g, %s (%.1f %% of scores kept; dynamic sparsity from %s)\n",
                    before ? "\n" : "", r->arch, r->sparsity, r->method, 100.0 * r->kept_share,
                    r->seen);
            fprintf(out, "  %-22s %11s %8s %7s %9s %9s %8s%s\n", "", "attention", "x vitcod",
                    "MACs", "DRAM KiB", "uJ", "x vitcod",
                    r->has_end_to_end ? "  end to end x vitcod" : "");
        }
        print_row(out, r);
    }
    fputs("\nThe paper (HPCA 2023), attention: reorder only / prune + reorder 5.14 (8.14 at 0.9), "
          "prune only / prune + reorder 2.59 (2.03), SpAtten / ViTCoD 10.1 and Sanger / ViTCoD 6.8 "
          "at 0.9.\n",
          out);
}
