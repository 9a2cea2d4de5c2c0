/* Plots of points and lines on two axes. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

enum { WIDTH = 440, HEIGHT = 270, LEFT = 64, RIGHT = 14, TOP = 10, BOTTOM = 44 };

size_t vc__plot_series(vc__plot *p, int style, const char *format, ...)
{
    char name[VC__LABEL];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    for (size_t s = 0; s < p->series_count; s++)
        if (strcmp(p->series[s], name) == 0)
            return s;
    if (p->series_count == VC__MOST_SERIES) {
        p->left_out++;
        return VC__MOST_SERIES;
    }
    memcpy(p->series[p->series_count], name, sizeof name);
    p->style[p->series_count] = style;
    return p->series_count++;
}

static int grow(vc__plot *p)
{
    if (p->count < p->room)
        return 1;
    const size_t room = p->room ? 2 * p->room : 64;
    vc__mark *marks = realloc(p->marks, room * sizeof *marks);
    if (!marks)
        return 0;
    p->marks = marks;
    p->room = room;
    return 1;
}

void vc__plot_mark(vc__plot *p, size_t series, double x, double y, const char *format, ...)
{
    if (series >= VC__MOST_SERIES || !isfinite(x) || !isfinite(y) || (p->x_log && x <= 0.0) ||
        (p->y_log && y <= 0.0))
        return;
    if (!grow(p)) {
        p->failed = 1;
        return;
    }
    vc__mark *m = &p->marks[p->count++];
    *m = (vc__mark){.series = series, .x = x, .y = y};
    va_list list;
    va_start(list, format);
    vsnprintf(m->note, sizeof m->note, format, list);
    va_end(list);
}

/* ---- scales */

typedef struct scale {
    double low, high, start, length;
    int log;
} scale;

static scale scale_of(const vc__plot *p, int is_y)
{
    scale s = {
        .low = (double)INFINITY, .high = -(double)INFINITY, .log = is_y ? p->y_log : p->x_log};
    for (size_t i = 0; i < p->count; i++) {
        const double v = is_y ? p->marks[i].y : p->marks[i].x;
        s.low = fmin(s.low, v);
        s.high = fmax(s.high, v);
    }
    if (s.log) {
        s.low /= 1.25;
        s.high *= 1.25;
    } else {
        const double slack =
            s.high > s.low ? 0.06 * (s.high - s.low) : fmax(1.0, fabs(s.low) * 0.1);
        s.low = s.low >= 0.0 && s.low - slack < 0.0 ? 0.0 : s.low - slack;
        s.high += slack;
    }
    s.start = is_y ? HEIGHT - BOTTOM : LEFT;
    s.length = is_y ? -(HEIGHT - BOTTOM - TOP) : WIDTH - LEFT - RIGHT;
    return s;
}

static double position_of(const scale *s, double value)
{
    const double share = s->log ? log(value / s->low) / log(s->high / s->low)
                                : (value - s->low) / (s->high - s->low);
    return s->start + share * s->length;
}

static size_t ticks_of(double ticks[VC__MOST_TICKS], const scale *s, size_t wanted)
{
    return s->log ? vc__log_ticks(ticks, s->low, s->high)
                  : vc__ticks(ticks, s->low, s->high, wanted);
}

static void draw_axes(FILE *out, const vc__plot *p, const scale *x, const scale *y)
{
    double ticks[VC__MOST_TICKS];
    char text[VC__NUMBER];
    size_t count = ticks_of(ticks, y, 5);
    for (size_t i = 0; i < count; i++) {
        const double at = position_of(y, ticks[i]);
        fprintf(out, "<path class=\"rule\" d=\"M%d %.1fH%d\"/>", LEFT, at, WIDTH - RIGHT);
        vc__svg_text(out, LEFT - 6, at + 4.0, "end", vc__tick(text, ticks[i]), 12);
    }
    count = ticks_of(ticks, x, 5);
    for (size_t i = 0; i < count; i++) {
        const double at = position_of(x, ticks[i]);
        fprintf(out, "<path class=\"rule\" d=\"M%.1f %dV%d\"/>", at, TOP, HEIGHT - BOTTOM);
        vc__svg_text(out, at, HEIGHT - BOTTOM + 16, "middle", vc__tick(text, ticks[i]), 12);
    }
    fprintf(out, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>", LEFT, TOP, HEIGHT - BOTTOM,
            WIDTH - RIGHT);
    vc__svg_text(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", p->x_label, 60);
    fprintf(out, "<g transform=\"translate(11 %.1f) rotate(-90)\">", (TOP + HEIGHT - BOTTOM) / 2.0);
    vc__svg_text(out, 0.0, 0.0, "middle", p->y_label, 40);
    fputs("</g>\n", out);
}

/* ---- marks */

static void draw_lines(FILE *out, const vc__plot *p, const scale *x, const scale *y)
{
    for (size_t s = 0; s < p->series_count; s++) {
        size_t drawn = 0;
        if (!(p->style[s] & VC__LINE))
            continue;
        for (size_t i = 0; i < p->count; i++) {
            const vc__mark *m = &p->marks[i];
            if (m->series != s)
                continue;
            if (drawn++ == 0)
                fprintf(out, "<path class=\"mark line l%zu\" d=\"M", vc__class_of(p->series[s], s));
            else
                putc('L', out);
            fprintf(out, "%.1f %.1f", position_of(x, m->x), position_of(y, m->y));
        }
        if (drawn) {
            fputs("\"><title>", out);
            vc__html(out, p->series[s]);
            fputs("</title></path>\n", out);
        }
    }
}

/* Each series has its own shape, so that series can be told apart without colour. */
static void draw_shape(FILE *out, const vc__plot *p, size_t series, double x, double y)
{
    static const char *const shapes[] = {"m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0",
                                         "m-4-4h8v8h-8z", "m0-5.5l5 9h-10z",
                                         "m0-5.5l5 5.5l-5 5.5l-5-5.5z"};
    fprintf(out, "<path class=\"mark f%zu\" d=\"M%.1f %.1f%s\">",
            vc__class_of(p->series[series], series), x, y, shapes[(series + series / 8) % 4]);
}

static void draw_point(FILE *out, const vc__plot *p, const vc__mark *m, const scale *x,
                       const scale *y)
{
    char ex[VC__NUMBER], ey[VC__NUMBER];
    draw_shape(out, p, m->series, position_of(x, m->x), position_of(y, m->y));
    fputs("<title>", out);
    vc__html(out, p->series[m->series]);
    vc__html(out, m->note[0] ? ", " : "");
    vc__html(out, m->note);
    fprintf(out, ": %s, %s</title></path>\n", vc__number(ex, m->x), vc__number(ey, m->y));
}

/* Draws the series in order, so that the last one is on top. */
static void draw_points(FILE *out, const vc__plot *p, const scale *x, const scale *y)
{
    for (size_t s = 0; s < p->series_count; s++)
        for (size_t i = 0; i < p->count && p->style[s] & VC__POINTS; i++)
            if (p->marks[i].series == s)
                draw_point(out, p, &p->marks[i], x, y);
}

static void draw_table(FILE *out, const vc__plot *p)
{
    fputs(
        "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\" tabindex=\"0\">"
        "<table>"
        "<thead><tr><th scope=\"col\">Series</th><th scope=\"col\">Which</th><th scope=\"col\">",
        out);
    vc__html(out, p->x_label);
    fputs("</th><th scope=\"col\">", out);
    vc__html(out, p->y_label);
    fputs("</th></tr></thead><tbody>\n", out);
    for (size_t i = 0; i < p->count; i++) {
        char x[VC__NUMBER], y[VC__NUMBER];
        const vc__mark *m = &p->marks[i];
        fputs("<tr><td>", out);
        vc__html(out, p->series[m->series]);
        fputs("</td><td>", out);
        vc__html(out, m->note);
        fprintf(out, "</td><td>%s</td><td>%s</td></tr>\n", vc__number(x, m->x),
                vc__number(y, m->y));
    }
    fputs("</tbody></table></div></details>\n", out);
}

vc_status vc__plot_draw(FILE *out, vc__book *book, vc__plot *p)
{
    if (p->failed) {
        free(p->marks);
        return vc_fail(VC_ENOMEM, "out of memory for the figure '%s'", p->title);
    }
    if (p->count > 0) {
        char note[512];
        const scale x = scale_of(p, 0), y = scale_of(p, 1);
        snprintf(note, sizeof note, "%s%s", p->note ? p->note : "",
                 p->left_out ? " Some series are left out: there are too many for one figure."
                             : "");
        vc__figure_begin(out, book, p->title, note);
        vc__svg_begin(out, p->title, note, WIDTH,
                      HEIGHT + vc__legend_height(p->series, p->series_count) + 4.0);
        draw_axes(out, p, &x, &y);
        draw_lines(out, p, &x, &y);
        draw_points(out, p, &x, &y);
        vc__legend(out, HEIGHT, p->series, p->series_count);
        fputs("</svg>\n", out);
        draw_table(out, p);
        vc__figure_end(out);
    }
    free(p->marks);
    p->marks = NULL;
    return VC_OK;
}
