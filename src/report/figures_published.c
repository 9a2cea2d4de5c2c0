/* What pruning costs in ViTCoD's paper. */
#include "report_impl.h"

enum { MOST_POINTS = 8 };

/* Top-1 (%) after finetuning against the pruned share of attention (%), read off the plot of
 * accuracy against sparsity in ViTCoD (HPCA 2023). The dense DeiT-Small is off the same plot, the
 * dense DeiT-Base from DeiT (Touvron et al., ICML 2021). */
typedef struct published {
    const char *name;
    double dense, points[MOST_POINTS][2];
    size_t count;
} published;

static const published curves[] = {
    {"DeiT-Base, ViTCoD's plot",
     81.8,
     {{35, 81.65},
      {61, 81.46},
      {78, 81.2},
      {90, 80.78},
      {92, 80.48},
      {94, 80},
      {96, 79.6},
      {98, 79.2}},
     8},
    {"DeiT-Small, ViTCoD's plot",
     79.9,
     {{50, 80}, {60, 79.9}, {70, 79.6}, {80, 79.2}, {90, 78.3}, {95, 77.3}},
     6},
};

void vc__published_losses(vc__plot *plot)
{
    for (size_t c = 0; c < sizeof curves / sizeof *curves; c++) {
        const size_t s =
            vc__plot_series(plot, VC__LINE | VC__POINTS | VC__QUIET, "%s", curves[c].name);
        for (size_t i = 0; i < curves[c].count; i++)
            vc__plot_mark(plot, s, curves[c].points[i][0], curves[c].dense - curves[c].points[i][1],
                          "top-1 %.4g of %.4g %%", curves[c].points[i][1], curves[c].dense);
    }
}
