/* Plots of points and lines on two axes. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

enum { WIDTH = VC__WIDTH, RIGHT = 14, TOP = 10, BOTTOM = 44, CLOSE = 5, MOST_UNDER = 3 };
enum { MOST_NAMED = 2000 }; /* marks; more have no room for names, and each looks at all others */
enum { LEFT = 64, HEIGHT = 260 };                            /* with numbers on the axis of y */
enum { NAMES_LEFT = 104, NAME_ROW = 26, NAME_LETTERS = 15 }; /* with names */

static double left_of(const vc__plot *p)
{
    return p->y_name_count ? NAMES_LEFT : LEFT;
}

static double height_of(const vc__plot *p)
{
    return p->y_name_count ? TOP + BOTTOM + NAME_ROW * (double)p->y_name_count : HEIGHT;
}

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

/* Names stand from the top down. */
static scale scale_of_names(const vc__plot *p)
{
    return (scale){.low = -0.5,
                   .high = (double)p->y_name_count - 0.5,
                   .start = TOP,
                   .length = NAME_ROW * (double)p->y_name_count};
}

static scale scale_of(const vc__plot *p, int is_y)
{
    scale s = {
        .low = (double)INFINITY, .high = -(double)INFINITY, .log = is_y ? p->y_log : p->x_log};
    if (is_y && p->y_name_count)
        return scale_of_names(p);
    for (size_t i = 0; i < p->count; i++) {
        const double v = is_y ? p->marks[i].y : p->marks[i].x;
        s.low = fmin(s.low, v);
        s.high = fmax(s.high, v);
    }
    const double highest = s.high;
    if (s.log) {
        s.low /= 1.25;
        s.high *= 1.25;
    } else {
        const double slack =
            s.high > s.low ? 0.06 * (s.high - s.low) : fmax(1.0, fabs(s.low) * 0.1);
        s.low = s.low >= 0.0 && s.low - slack < 0.0 ? 0.0 : s.low - slack;
        s.high += slack;
        if (strstr(is_y ? p->y_label : p->x_label, "(%)") && highest <= 100.0)
            s.high = fmin(s.high, 100.0 + 0.02 * (100.0 - s.low));
    }
    s.start = is_y ? HEIGHT - BOTTOM : left_of(p);
    s.length = is_y ? -(HEIGHT - BOTTOM - TOP) : WIDTH - left_of(p) - RIGHT;
    return s;
}

static double position_of(const scale *s, double value)
{
    const double share = s->log ? log(value / s->low) / log(s->high / s->low)
                                : (value - s->low) / (s->high - s->low);
    return s->start + share * s->length;
}

/* Two at least: a narrow logarithmic scale has those of a linear one. */
static size_t ticks_of(double ticks[VC__MOST_TICKS], const scale *s, size_t wanted)
{
    const size_t count = s->log ? vc__log_ticks(ticks, s->low, s->high) : 0;
    return count > 1 ? count : vc__ticks(ticks, s->low, s->high, wanted);
}

static void axis_label(char text[VC__LABEL], const char *label, int is_log)
{
    snprintf(text, VC__LABEL, "%.120s%s", label, is_log ? ", log scale" : "");
}

static void draw_names(FILE *out, const vc__plot *p, const scale *y)
{
    for (size_t i = 0; i < p->y_name_count; i++) {
        const double at = position_of(y, (double)i);
        fprintf(out, "<path class=\"rule\" d=\"M%d %.1fH%d\"/>", NAMES_LEFT, at, WIDTH - RIGHT);
        vc__svg_text(out, NAMES_LEFT - 6, at + 4.0, "end", p->y_names[i], NAME_LETTERS);
    }
}

static void draw_y_ticks(FILE *out, const scale *y)
{
    double ticks[VC__MOST_TICKS];
    char text[VC__NUMBER];
    const size_t count = ticks_of(ticks, y, 5);
    for (size_t i = 0; i < count; i++) {
        const double at = position_of(y, ticks[i]);
        fprintf(out, "<path class=\"rule\" d=\"M%d %.1fH%d\"/>", LEFT, at, WIDTH - RIGHT);
        vc__svg_text(out, LEFT - 6, at + 4.0, "end", vc__tick(text, ticks[i]), 12);
    }
}

static void draw_axes(FILE *out, const vc__plot *p, const scale *x, const scale *y)
{
    double ticks[VC__MOST_TICKS];
    char text[VC__NUMBER], label[VC__LABEL];
    const double left = left_of(p), bottom = height_of(p) - BOTTOM;
    if (p->y_name_count)
        draw_names(out, p, y);
    else
        draw_y_ticks(out, y);
    const size_t count = ticks_of(ticks, x, 5);
    for (size_t i = 0; i < count; i++) {
        const double at = position_of(x, ticks[i]);
        fprintf(out, "<path class=\"rule\" d=\"M%.1f %dV%.1f\"/>", at, TOP, bottom);
        vc__svg_text(out, at, bottom + 16, "middle", vc__tick(text, ticks[i]), 12);
    }
    fprintf(out, "<path class=\"axis\" d=\"M%.1f %dV%.1fH%d\"/>", left, TOP, bottom, WIDTH - RIGHT);
    axis_label(label, p->x_label, p->x_log);
    vc__svg_text(out, (left + WIDTH - RIGHT) / 2.0, bottom + 36, "middle", label, 56);
    if (!p->y_label[0])
        return;
    fprintf(out, "<g transform=\"translate(11 %.1f) rotate(-90)\">", (TOP + bottom) / 2.0);
    axis_label(label, p->y_label, p->y_log);
    vc__svg_text(out, 0.0, 0.0, "middle", label, 38);
    fputs("</g>\n", out);
}

/* ---- marks */

static size_t colour_of(const vc__plot *p, size_t series)
{
    return vc__class_of((char(*)[VC__LABEL])p->series, p->series_count, series);
}

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
                fprintf(out, "<path class=\"mark line l%zu%s\" d=\"M", colour_of(p, s),
                        p->style[s] & VC__QUIET ? " quiet" : "");
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

/* A mark where others lie is a ring around them. */
static void draw_shape(FILE *out, const vc__plot *p, const vc__spot *at)
{
    const size_t series = at->mark->series, colour = colour_of(p, series);
    const char *shape = vc__shape_of(series);
    const size_t under = at->under < MOST_UNDER ? at->under : MOST_UNDER;
    if (under > 0)
        fprintf(out,
                "<path class=\"mark ring l%zu\" transform=\"translate(%.1f %.1f) scale(%.1f)\" "
                "d=\"M0 0%s\">",
                colour, at->x, at->y, 1.0 + 0.6 * (double)under, shape);
    else
        fprintf(out, "<path class=\"mark f%zu%s\" d=\"M%.1f %.1f%s\">", colour,
                p->named || p->y_name_count || p->style[series] & VC__LINE ? "" : " crowd", at->x,
                at->y, shape);
}

static void draw_point(FILE *out, const vc__plot *p, const vc__spot *at)
{
    char ex[VC__NUMBER], ey[VC__NUMBER];
    const vc__mark *m = at->mark;
    draw_shape(out, p, at);
    fputs("<title>", out);
    vc__html(out, p->series[m->series]);
    vc__html(out, m->note[0] ? ", " : "");
    vc__html(out, m->note);
    if (p->y_name_count)
        fprintf(out, ": %s</title></path>\n", vc__number(ex, m->x));
    else
        fprintf(out, ": %s, %s</title></path>\n", vc__number(ex, m->x), vc__number(ey, m->y));
}

/* In a line of its own each series has a height. */
static double dodge_of(const vc__plot *p, size_t series)
{
    const double step = p->series_count > 1 ? fmin(6.0, 16.0 / (double)(p->series_count - 1)) : 0.0;
    return p->y_name_count ? step * ((double)series - ((double)p->series_count - 1.0) / 2.0) : 0.0;
}

/* Asked where marks have names; in other plots they are see-through. */
static size_t marks_under(const vc__plot *p, const vc__spot *spots, size_t count,
                          const vc__spot *at)
{
    size_t under = 0;
    for (size_t i = 0; i < count && p->named && !at->quiet; i++)
        under += !spots[i].quiet && hypot(spots[i].x - at->x, spots[i].y - at->y) < CLOSE;
    return under;
}

static size_t add_spots(vc__spot *spots, size_t count, const vc__plot *p, size_t series,
                        const scale *x, const scale *y)
{
    for (size_t i = 0; i < p->count && p->style[series] & VC__POINTS; i++) {
        const vc__mark *m = &p->marks[i];
        if (m->series != series)
            continue;
        vc__spot at = {.mark = m,
                       .x = position_of(x, m->x),
                       .y = position_of(y, m->y) + dodge_of(p, series),
                       .quiet = (p->style[series] & VC__QUIET) != 0};
        at.under = marks_under(p, spots, count, &at);
        spots[count++] = at;
    }
    return count;
}

/* The points, series by series, quiet ones below, and the last one on top. Returns how many. */
static size_t find_spots(vc__spot *spots, const vc__plot *p, const scale *x, const scale *y)
{
    size_t count = 0;
    for (int quiet = 1; quiet >= 0; quiet--)
        for (size_t s = 0; s < p->series_count; s++)
            if (((p->style[s] & VC__QUIET) != 0) == quiet)
                count = add_spots(spots, count, p, s, x, y);
    return count;
}

static vc_status draw_points(FILE *out, const vc__plot *p, const scale *x, const scale *y)
{
    vc__spot *spots = malloc((p->count + 1) * sizeof *spots);
    if (!spots)
        return vc_fail(VC_ENOMEM, "out of memory for the figure '%s'", p->title);
    const size_t count = find_spots(spots, p, x, y);
    for (size_t i = 0; i < count; i++)
        draw_point(out, p, &spots[i]);
    if (p->named)
        vc__plot_names(out, spots, count, left_of(p), WIDTH - RIGHT);
    free(spots);
    return VC_OK;
}

static int has_room_for_names(const vc__plot *p)
{
    size_t loud = 0;
    for (size_t i = 0; i < p->count; i++)
        loud += (p->style[p->marks[i].series] & (VC__POINTS | VC__QUIET)) == VC__POINTS;
    return loud <= MOST_NAMED;
}

static int has_notes(const vc__plot *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->marks[i].note[0])
            return 1;
    return 0;
}

static void draw_row(FILE *out, const vc__plot *p, const vc__mark *m, int notes)
{
    char x[VC__NUMBER], y[VC__NUMBER];
    fputs("<tr><td>", out);
    vc__html(out, p->series[m->series]);
    if (notes) {
        fputs("</td><td>", out);
        vc__html(out, m->note);
    }
    fprintf(out, "</td><td>%s", vc__number(x, m->x));
    if (!p->y_name_count)
        fprintf(out, "</td><td>%s", vc__number(y, m->y));
    fputs("</td></tr>\n", out);
}

/* Columns of which nothing is known are left out. */
static void draw_table(FILE *out, const vc__plot *p)
{
    const int notes = has_notes(p);
    fprintf(out,
            "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\" "
            "tabindex=\"0\"><table><thead><tr><th scope=\"col\">Series</th>%s<th scope=\"col\">",
            notes ? "<th scope=\"col\">Which</th>" : "");
    vc__html(out, p->x_label);
    if (!p->y_name_count) {
        fputs("</th><th scope=\"col\">", out);
        vc__html(out, p->y_label);
    }
    fputs("</th></tr></thead><tbody>\n", out);
    for (size_t i = 0; i < p->count; i++)
        draw_row(out, p, &p->marks[i], notes);
    fputs("</tbody></table></div></details>\n", out);
}

static vc_status draw_all(FILE *out, vc__book *book, vc__plot *p)
{
    char note[512], title[VC__TITLE];
    const char *run = vc__book_common_run(book, p->series, p->series_count);
    const scale x = scale_of(p, 0), y = scale_of(p, 1);
    const double height = height_of(p);
    const vc__legend legend = {(char(*)[VC__LABEL])p->series, p->style, p->series_count};
    p->named = p->named && has_room_for_names(p);
    snprintf(note, sizeof note, "%s%s", p->note ? p->note : "",
             p->left_out ? " Some series are left out: there are too many for one figure." : "");
    vc__data_title(title, p->title, run ? run : "");
    vc__figure_begin(out, book, title, note);
    vc__svg_begin(out, title, note, WIDTH, height + vc__legend_height(&legend) + 4.0);
    draw_axes(out, p, &x, &y);
    draw_lines(out, p, &x, &y);
    VC_TRY(draw_points(out, p, &x, &y));
    vc__legend_draw(out, height, &legend);
    fputs("</svg>\n", out);
    draw_table(out, p);
    vc__figure_end(out);
    return VC_OK;
}

vc_status vc__plot_draw(FILE *out, vc__book *book, vc__plot *p)
{
    vc_status status = VC_OK;
    if (p->failed)
        status = vc_fail(VC_ENOMEM, "out of memory for the figure '%s'", p->title);
    else if (p->count > 0)
        status = draw_all(out, book, p);
    free(p->marks);
    p->marks = NULL;
    return status;
}
