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

/* ---- colours */

enum { COLOURS = 11, GREY = 8, NONE = 99 };

/* Waiting and doing without are grey; a kind of work, what a unit does with its time and what
 * energy goes into have the same colour in all figures. */
static const struct {
    const char *name;
    size_t colour;
} fixed[] = {{"idle", GREY},
             {"none", GREY},
             {"the rest", GREY},
             {"reshape", GREY},
             {"mlp", 0},
             {"qkv", 1},
             {"qk", 2},
             {"sv", 3},
             {"sddmm", 2},
             {"spmm", 3},
             {"projection", 4},
             {"softmax", 5},
             {"patch_embed", 6},
             {"norm", 7},
             {"head", 9},
             {"coders", 10},
             {"attention", 2}, /* QK, softmax, SV */
             {"busy", 2},
             {"dram", 1},
             {"index", 4},
             {"decode", 3},
             {"buffer", 6},
             {"imbalance", 7},
             {"drain", 0},
             {"arithmetic", 2},
             {"scratchpads", 0},
             {"leakage", 7},
             {"DRAM accesses", 1},
             {"DRAM standby", 4},
             {"dense", 0},
             {"sparse", 2},
             {"as it is", 4}};

static size_t fixed_colour(const char *name)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return fixed[i].colour;
    return NONE;
}

/* Names without a colour of their own get those that no other name of the figure has. */
size_t vc__class_of(char (*names)[VC__LABEL], size_t count, size_t index)
{
    size_t used[COLOURS] = {0}, colour = fixed_colour(names[index]);
    used[GREY] = VC__MOST_SERIES;
    for (size_t i = 0; i < count; i++)
        if (fixed_colour(names[i]) < COLOURS)
            used[fixed_colour(names[i])]++;
    for (size_t i = 0; i <= index && fixed_colour(names[index]) == NONE; i++) {
        if (fixed_colour(names[i]) != NONE)
            continue;
        colour = 0;
        for (size_t c = 1; c < COLOURS; c++)
            colour = used[c] < used[colour] ? c : colour;
        used[colour]++;
    }
    return colour;
}

/* ---- shapes: each series has its own, so that series can be told apart without colour */

const char *vc__shape_of(size_t series)
{
    static const char *const shapes[] = {"m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
                                         "m-4-4h8v8h-8z", "m0-5.5l5 9h-10z",
                                         "m0-5.5l5 5.5l-5 5.5l-5-5.5z"};
    return shapes[(series + series / 8) % 4];
}

/* ---- the legend: as many names in a line as fit */

enum { LINE = 18, WIDTH = VC__WIDTH, MOST = 52 };

static double name_width(const char *name)
{
    size_t letters = 0;
    for (; *name; name++)
        letters += ((unsigned char)*name & 0xc0) != 0x80;
    return 27.0 + 7.5 * (double)(letters < MOST ? letters : MOST);
}

/* As the marks look: a line, a shape, or for bars a square. */
static void put_swatch(FILE *out, const vc__legend *l, size_t i, double x, double y)
{
    const size_t colour = vc__class_of(l->names, l->count, i);
    if (!l->styles) {
        fprintf(out,
                "<rect class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" width=\"11\" height=\"11\" rx=\"2\"/>",
                colour, x, y + 2.0);
        return;
    }
    if (l->styles[i] & VC__LINE)
        fprintf(out, "<path class=\"line l%zu%s\" d=\"M%.1f %.1fh14\"/>", colour,
                l->styles[i] & VC__QUIET ? " quiet" : "", x - 1.0, y + 7.5);
    if (l->styles[i] & VC__POINTS)
        fprintf(out, "<path class=\"f%zu\" d=\"M%.1f %.1f%s\"/>", colour, x + 6.0, y + 7.5,
                vc__shape_of(i));
}

static double walk(FILE *out, double top, const vc__legend *l)
{
    double x = 4.0, y = top;
    for (size_t i = 0; i < l->count; i++) {
        const double width = name_width(l->names[i]);
        if (x + width > WIDTH && x > 4.0) {
            x = 4.0;
            y += LINE;
        }
        if (out) {
            put_swatch(out, l, i, x, y);
            vc__svg_text(out, x + 17.0, y + 12.0, "start", l->names[i], MOST);
        }
        x += width;
    }
    return l->count ? y + LINE - top : 0.0;
}

void vc__legend_draw(FILE *out, double top, const vc__legend *legend)
{
    walk(out, top, legend);
}

double vc__legend_height(const vc__legend *legend)
{
    return walk(NULL, 0.0, legend);
}
