/* What all figures share: frame, text, legend and colours. */
#include <math.h>
#include <string.h>

#include "report_impl.h"

const uint8_t vc__anchors[VC__ANCHORS][3] = {{68, 1, 84},    {71, 45, 123},  {59, 82, 139},
                                             {44, 114, 142}, {33, 145, 140}, {40, 174, 128},
                                             {94, 201, 98},  {173, 220, 48}, {253, 231, 37}};

void vc__viridis(uint8_t rgb[3], double share)
{
    const double at = fmin(fmax(share, 0.0), 1.0) * (VC__ANCHORS - 1);
    const size_t low = at >= VC__ANCHORS - 1 ? VC__ANCHORS - 2 : (size_t)at;
    const double rest = at - (double)low;
    for (size_t c = 0; c < 3; c++)
        rgb[c] =
            (uint8_t)lround((1.0 - rest) * vc__anchors[low][c] + rest * vc__anchors[low + 1][c]);
}

void vc__figure_begin(FILE *out, vc__book *book, const char *title, const char *note)
{
    fprintf(out, "<figure id=\"figure-%zu\">\n<figcaption><h3>", ++book->figures);
    vc__html(out, title);
    fputs("</h3>", out);
    if (note && note[0]) {
        fputs("<p>", out);
        vc__html(out, note);
        fputs("</p>", out);
    }
    fputs("</figcaption>\n", out);
}

void vc__figure_end(FILE *out)
{
    fputs("<div class=\"tools\"><button type=\"button\" data-export=\"svg\">SVG</button>"
          "<button type=\"button\" data-export=\"png\">PNG</button></div>\n</figure>\n",
          out);
}

void vc__svg_begin(FILE *out, const char *title, const char *note, double width, double height)
{
    fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    vc__html(out, title);
    if (note && note[0]) {
        fputs(". ", out);
        vc__html(out, note);
    }
    fputs("\">\n", out);
}

void vc__svg_text(FILE *out, double x, double y, const char *anchor, const char *text,
                  size_t letters)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    vc__html_clipped(out, text, letters);
    fputs("</text>\n", out);
}

/* Waiting and doing without are grey; a kind of work has the same colour in all figures. */
size_t vc__class_of(const char *name, size_t index)
{
    enum { COLOURS = 8, GREY = COLOURS };
    static const struct {
        const char *name;
        size_t colour;
    } fixed[] = {
        {"idle", GREY},    {"none", GREY}, {"the rest", GREY}, {"reshape", GREY},
        {"mlp", 0},        {"qkv", 1},     {"qk", 2},          {"sv", 3},
        {"projection", 4}, {"softmax", 5}, {"patch_embed", 6}, {"norm", 7},
        {"head", 9},       {"coders", 10}, {"attention", 2}}; /* attention: QK, softmax, SV */
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return fixed[i].colour;
    return index % COLOURS;
}

/* ---- the legend: as many names in a line as fit */

enum { LINE = 18, WIDTH = 440, MOST = 44 };

static double name_width(const char *name)
{
    const size_t length = strlen(name);
    return 26.0 + 7.3 * (double)(length < MOST ? length : MOST);
}

static double walk(FILE *out, double top, char (*names)[VC__LABEL], size_t count)
{
    double x = 4.0, y = top;
    for (size_t i = 0; i < count; i++) {
        const double width = name_width(names[i]);
        if (x + width > WIDTH && x > 4.0) {
            x = 4.0;
            y += LINE;
        }
        if (out) {
            fprintf(
                out,
                "<rect class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" width=\"11\" height=\"11\" rx=\"2\"/>",
                vc__class_of(names[i], i), x, y + 2.0);
            vc__svg_text(out, x + 16.0, y + 12.0, "start", names[i], MOST);
        }
        x += width;
    }
    return count ? y + LINE - top : 0.0;
}

double vc__legend(FILE *out, double top, char (*names)[VC__LABEL], size_t count)
{
    return walk(out, top, names, count);
}

double vc__legend_height(char (*names)[VC__LABEL], size_t count)
{
    return walk(NULL, 0.0, names, count);
}
