/* The points of a `sweep`, and its Pareto front. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"

typedef struct pair {
    const char *title, *note, *x, *y, *x_label, *y_label;
} pair;

static const pair pairs[] = {
    {"Time against energy", "The front: nothing else is both faster and thriftier.", "time_us",
     "energy_uj", "time (µs)", "energy (µJ)"},
    {"Time against area", "The front: nothing else is both faster and smaller.", "time_us",
     "area_mm2", "time (µs)", "area (mm²)"},
};

static int is_point(const json_t *line)
{
    return json_object_get(line, "point") && json_object_get(line, "values");
}

/* Describes a point by the values chosen for it, such as "lines 64, chip vitcod". Of a path only
 * the last component is shown. */
static void describe(char text[VC__LABEL], const json_t *line)
{
    const char *key;
    json_t *value;
    size_t used = (size_t)snprintf(text, VC__LABEL, "point %lld",
                                   (long long)json_integer_value(json_object_get(line, "point")));
    json_object_foreach (json_object_get(line, "values"), key, value) {
        char number[VC__NUMBER];
        const char *word = json_string_value(value), *slash = word ? strrchr(word, '/') : NULL;
        if (used < VC__LABEL)
            used += (size_t)snprintf(text + used, VC__LABEL - used, ", %s %s", key,
                                     slash  ? slash + 1
                                     : word ? word
                                            : vc__number(number, json_number_value(value)));
    }
}

/* ---- the front */

static int by_x(const void *a, const void *b)
{
    const vc__mark *one = a, *other = b;
    if (one->x != other->x)
        return one->x < other->x ? -1 : 1;
    return (one->y > other->y) - (one->y < other->y);
}

/* Moves the points of the Pareto front, in order, into a second series, which is drawn over the
 * other points. */
static void find_front(vc__plot *p, size_t from, size_t front)
{
    double least = (double)INFINITY;
    qsort(p->marks + from, p->count - from, sizeof *p->marks, by_x);
    for (size_t i = from; i < p->count; i++)
        if (p->marks[i].y < least) {
            least = p->marks[i].y;
            p->marks[i].series = front;
        }
}

static void add_lines(vc__plot *p, const vc__result *log, const pair *axes, int alone)
{
    size_t i;
    json_t *line;
    const size_t from = p->count;
    const size_t all = alone ? vc__plot_series(p, VC__POINTS, "points")
                             : vc__plot_series(p, VC__POINTS, "%s", log->label);
    json_array_foreach ((json_t *)log->json, i, line) {
        char text[VC__LABEL];
        if (!is_point(line))
            continue;
        describe(text, line);
        vc__plot_mark(p, all, vc__number_at(line, axes->x), vc__number_at(line, axes->y), "%s",
                      text);
    }
    if (p->count > from)
        find_front(p, from,
                   alone ? vc__plot_series(p, VC__POINTS | VC__LINE, "front")
                         : vc__plot_series(p, VC__POINTS | VC__LINE, "front of %s", log->label));
}

static size_t points_in(const vc__result *log)
{
    size_t i, count = 0;
    json_t *line;
    json_array_foreach ((json_t *)log->json, i, line)
        count += is_point(line) != 0;
    return count;
}

/* Draws the front that a result holds, for results without a log of all points. */
static void add_result(vc__plot *p, const vc__result *r, const pair *axes)
{
    size_t i;
    json_t *line;
    const size_t s = vc__plot_series(p, VC__POINTS, "front of %s", r->label);
    json_array_foreach ((json_t *)json_object_get(r->json, "pareto"), i, line) {
        char text[VC__LABEL];
        describe(text, line);
        vc__plot_mark(p, s, vc__number_at(line, axes->x), vc__number_at(line, axes->y), "%s", text);
    }
}

static vc_status draw_pair(FILE *out, vc__book *book, const pair *axes)
{
    size_t logs = 0;
    vc__plot p = {.title = axes->title,
                  .note = axes->note,
                  .x_label = axes->x_label,
                  .y_label = axes->y_label,
                  .x_log = 1,
                  .y_log = 1};
    for (size_t i = 0; i < book->log_count; i++)
        logs += points_in(&book->logs[i]) > 0;
    for (size_t i = 0; i < book->log_count; i++)
        if (points_in(&book->logs[i]) > 0) {
            add_lines(&p, &book->logs[i], axes, logs == 1);
            book->used[book->logs[i].run] = 1;
        }
    for (size_t i = 0; i < book->result_count && logs == 0; i++)
        if (vc__is(&book->results[i], "sweep") &&
            json_object_get(book->results[i].json, "pareto")) {
            add_result(&p, &book->results[i], axes);
            book->used[book->results[i].run] = 1;
        }
    return vc__plot_draw(out, book, &p);
}

vc_status vc__sweep(FILE *out, vc__book *book)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        VC_TRY(draw_pair(out, book, &pairs[i]));
    return VC_OK;
}
