/* Stacked bars, with a name above each. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report_impl.h"

enum {
    WIDTH = VC__WIDTH,
    LEFT = 4,
    RIGHT = 12,
    ROW = 38,
    BAR = 15,
    TOP = 6,
    AXIS = 36,
    LETTERS = 57
};

void vc__bars_row(vc__bars *b, const char *format, ...)
{
    va_list list;
    if (b->row_count == VC__MOST_ROWS) {
        b->left_out++;
        return;
    }
    va_start(list, format);
    vsnprintf(b->rows[b->row_count], VC__LABEL, format, list);
    va_end(list);
    b->row_count++;
}

static size_t part_of(vc__bars *b, const char *name)
{
    for (size_t p = 0; p < b->part_count; p++)
        if (strcmp(b->parts[p], name) == 0)
            return p;
    if (b->part_count == VC__MOST_PARTS) {
        snprintf(b->parts[VC__MOST_PARTS - 1], VC__LABEL, "the rest");
        return VC__MOST_PARTS - 1;
    }
    snprintf(b->parts[b->part_count], VC__LABEL, "%s", name);
    return b->part_count++;
}

void vc__bars_add(vc__bars *b, const char *part, double value)
{
    if (b->left_out || b->row_count == 0 || !isfinite(value) || value <= 0.0)
        return;
    b->values[b->row_count - 1][part_of(b, part)] += value;
}

static double total_of_part(const vc__bars *b, size_t part)
{
    double sum = 0.0;
    for (size_t r = 0; r < b->row_count; r++)
        sum += b->values[r][part];
    return sum;
}

static void move_part(vc__bars *b, size_t to, size_t from)
{
    if (to == from)
        return;
    memcpy(b->parts[to], b->parts[from], VC__LABEL);
    for (size_t r = 0; r < b->row_count; r++)
        b->values[r][to] = b->values[r][from];
}

/* Leaves the largest parts in their order, and behind them the sum of the others. */
static void sum_up_the_rest(vc__bars *b)
{
    double rest[VC__MOST_ROWS] = {0};
    size_t left = b->part_count;
    if (b->part_count <= VC__SHOWN_PARTS)
        return;
    for (; left >= VC__SHOWN_PARTS; left--) {
        size_t least = 0;
        for (size_t p = 1; p < left; p++)
            least = total_of_part(b, p) < total_of_part(b, least) ? p : least;
        for (size_t r = 0; r < b->row_count; r++)
            rest[r] += b->values[r][least];
        for (size_t p = least; p + 1 < left; p++)
            move_part(b, p, p + 1);
    }
    snprintf(b->parts[left], VC__LABEL, "the rest");
    for (size_t r = 0; r < b->row_count; r++)
        b->values[r][left] = rest[r];
    b->part_count = VC__SHOWN_PARTS;
}

static double total(const vc__bars *b, size_t row)
{
    double sum = 0.0;
    for (size_t p = 0; p < b->part_count; p++)
        sum += b->values[row][p];
    return sum;
}

static double longest(const vc__bars *b)
{
    double most = 0.0;
    for (size_t r = 0; r < b->row_count; r++)
        most = fmax(most, total(b, r));
    return most;
}

/* What stands beside a bar. */
static void total_text(char line[LETTERS], const vc__bars *b, size_t row)
{
    char text[VC__NUMBER];
    snprintf(line, LETTERS, "%.30s %.20s", vc__number(text, total(b, row)), b->unit);
}

/* Room for the longest of these texts. */
static double room_for_totals(const vc__bars *b)
{
    char line[LETTERS];
    size_t most = 0;
    for (size_t r = 0; r < b->row_count; r++) {
        total_text(line, b, r);
        most = strlen(line) > most ? strlen(line) : most;
    }
    return 8.0 + 7.0 * (double)most;
}

static void draw_part(FILE *out, const vc__bars *b, size_t row, size_t p, double x, double y,
                      double width)
{
    char text[VC__NUMBER];
    const double value = b->values[row][p];
    fprintf(out,
            "<rect class=\"mark f%zu\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\"><title>",
            vc__class_of((char(*)[VC__LABEL])b->parts, b->part_count, p), x, y + 17.0, width, BAR);
    vc__html(out, b->rows[row]);
    vc__html(out, ", ");
    vc__html(out, b->parts[p]);
    fprintf(out, ": %s ", vc__number(text, value));
    vc__html(out, b->unit);
    fprintf(out, " (%.1f %%)</title></rect>\n", 100.0 * value / total(b, row));
}

static void draw_row(FILE *out, const vc__bars *b, size_t row, double y, double scale)
{
    char line[LETTERS];
    double x = LEFT;
    vc__svg_text(out, LEFT, y + 12.0, "start", b->rows[row], LETTERS);
    for (size_t p = 0; p < b->part_count; p++) {
        if (b->values[row][p] <= 0.0)
            continue;
        draw_part(out, b, row, p, x, y, b->values[row][p] * scale);
        x += b->values[row][p] * scale;
    }
    total_text(line, b, row);
    vc__svg_text(out, x + 6.0, y + 29.0, "start", line, LETTERS);
}

/* As many ticks as stand apart: where totals are long, the axis is short. */
static size_t ticks_of(double ticks[VC__MOST_TICKS], double most, double scale)
{
    for (size_t wanted = 4;; wanted--) {
        char text[VC__NUMBER];
        size_t letters = 0;
        const size_t count = vc__ticks(ticks, 0.0, most, wanted);
        for (size_t i = 0; i < count; i++) {
            const size_t length = strlen(vc__tick(text, ticks[i]));
            letters = length > letters ? length : letters;
        }
        if (wanted == 1 || count < 2 ||
            (ticks[1] - ticks[0]) * scale >= 10.0 + 7.0 * (double)letters)
            return count;
    }
}

static void draw_axis(FILE *out, const vc__bars *b, double bottom, double most, double scale)
{
    double ticks[VC__MOST_TICKS];
    char text[VC__NUMBER];
    const size_t count = ticks_of(ticks, most, scale);
    for (size_t i = 0; i < count; i++) {
        const double at = LEFT + ticks[i] * scale;
        fprintf(out, "<path class=\"rule\" d=\"M%.1f %dV%.1f\"/>", at, TOP, bottom);
        vc__svg_text(out, at, bottom + 15.0,
                     i == 0            ? "start"
                     : at > WIDTH - 18 ? "end"
                                       : "middle",
                     vc__tick(text, ticks[i]), 16);
    }
    vc__svg_text(out, (LEFT + WIDTH - RIGHT) / 2.0, bottom + 30.0, "middle",
                 b->axis ? b->axis : b->unit, LETTERS);
}

static void draw_table(FILE *out, const vc__bars *b)
{
    char text[VC__NUMBER];
    fputs(
        "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\" tabindex=\"0\">"
        "<table>"
        "<thead><tr><td></td>",
        out);
    for (size_t p = 0; p < b->part_count; p++) {
        fputs("<th scope=\"col\">", out);
        vc__html(out, b->parts[p]);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (size_t r = 0; r < b->row_count; r++) {
        fputs("<tr><th scope=\"row\">", out);
        vc__html(out, b->rows[r]);
        fputs("</th>", out);
        for (size_t p = 0; p < b->part_count; p++)
            fprintf(out, "<td>%s</td>",
                    b->values[r][p] > 0.0 ? vc__number(text, b->values[r][p]) : "");
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

void vc__bars_draw(FILE *out, vc__book *book, vc__bars *b)
{
    const double most = longest(b);
    if (b->row_count == 0 || most <= 0.0)
        return;
    sum_up_the_rest(b);
    char note[512], title[VC__TITLE];
    const char *run = vc__book_common_run(book, b->rows, b->row_count);
    const vc__legend names = {(char(*)[VC__LABEL])b->parts, NULL, b->part_count};
    const double scale = (WIDTH - LEFT - room_for_totals(b)) / most,
                 bottom = TOP + ROW * (double)b->row_count,
                 legend = b->part_count > 1 ? vc__legend_height(&names) : 0.0;
    snprintf(note, sizeof note, "%s", b->note ? b->note : "");
    if (b->left_out)
        snprintf(note + strlen(note), sizeof note - strlen(note), " %zu more rows are left out.",
                 b->left_out);
    vc__data_title(title, b->title, run ? run : "");
    vc__figure_begin(out, book, title, note);
    vc__svg_begin(out, title, note, WIDTH, bottom + AXIS + legend);
    draw_axis(out, b, bottom, most, scale);
    for (size_t r = 0; r < b->row_count; r++)
        draw_row(out, b, r, TOP + ROW * (double)r, scale);
    if (b->part_count > 1)
        vc__legend_draw(out, bottom + AXIS, &names);
    fputs("</svg>\n", out);
    draw_table(out, b);
    vc__figure_end(out);
}
