/* A grid with a number in each cell: layers down, heads across. */
#include <math.h>

#include "report_impl.h"

enum { WIDTH = VC__WIDTH, LEFT = 62, TOP = 22, ROW = 24, NARROW = 12 };

static void draw_cell(FILE *out, const vc__grid *g, size_t row, size_t column, double width)
{
    uint8_t rgb[3];
    char text[VC__NUMBER];
    const double value = g->values[row * g->columns + column];
    const double x = LEFT + width * (double)column, y = TOP + ROW * (double)row;
    if (!isfinite(value))
        return;
    vc__viridis(rgb, g->high > g->low ? (value - g->low) / (g->high - g->low) : 0.0);
    const double light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    snprintf(text, sizeof text, g->format, value);
    fprintf(out,
            "<g class=\"mark\"><title>layer %zu, head %zu: %s</title><rect x=\"%.1f\" y=\"%.1f\" "
            "width=\"%.1f\" "
            "height=\"%d\" rx=\"3\" fill=\"#%02x%02x%02x\"/>",
            row, column, text, x, y, width - 2.0, ROW - 2, rgb[0], rgb[1], rgb[2]);
    if (g->columns > NARROW)
        snprintf(text, sizeof text, "%.0f", value);
    fprintf(out,
            "<text class=\"cell\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" style=\"fill:%s\">"
            "%s</text></g>\n",
            x + width / 2.0 - 1.0, y + 15.0, light > 140.0 ? "#000" : "#fff", text);
}

static void draw_table(FILE *out, const vc__grid *g)
{
    fputs("<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\" "
          "tabindex=\"0\"><table><thead><tr><td></td>",
          out);
    for (size_t c = 0; c < g->columns; c++)
        fprintf(out, "<th scope=\"col\">head %zu</th>", c);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t r = 0; r < g->rows; r++) {
        fprintf(out, "<tr><th scope=\"row\">layer %zu</th>", r);
        for (size_t c = 0; c < g->columns; c++) {
            const double value = g->values[r * g->columns + c];
            fputs("<td>", out);
            if (isfinite(value))
                fprintf(out, g->format, value);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

void vc__grid_draw(FILE *out, vc__book *book, const vc__grid *g)
{
    const double width = fmin(96.0, (WIDTH - LEFT) / (double)g->columns);
    char text[VC__NUMBER];
    vc__figure_begin(out, book, g->title, g->note);
    vc__svg_begin(out, g->title, g->note, WIDTH, TOP + ROW * (double)g->rows + 4.0);
    vc__svg_text(out, LEFT - 8, 14.0, "end", "head", 8);
    for (size_t c = 0; c < g->columns; c++) {
        snprintf(text, sizeof text, "%zu", c);
        vc__svg_text(out, LEFT + width * ((double)c + 0.5), 14.0, "middle", text, 8);
    }
    for (size_t r = 0; r < g->rows; r++) {
        snprintf(text, sizeof text, "layer %zu", r);
        vc__svg_text(out, LEFT - 8, TOP + ROW * (double)r + 15.0, "end", text, 12);
        for (size_t c = 0; c < g->columns; c++)
            draw_cell(out, g, r, c, width);
    }
    fputs("</svg>\n", out);
    draw_table(out, g);
    vc__figure_end(out);
}
