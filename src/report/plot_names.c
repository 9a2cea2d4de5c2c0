/* The names beside the marks of a plot: each where it covers no mark and no other name. */
#include <math.h>
#include <string.h>

#include "report_impl.h"

enum { MOST = 48, LETTERS = 22, PLACES = 8 };

typedef struct box {
    double left, right, top, bottom;
} box;

static double width_of(const char *text)
{
    size_t letters = 0;
    for (; *text; text++)
        letters += ((unsigned char)*text & 0xc0) != 0x80;
    return 6.4 * (double)(letters < LETTERS ? letters : LETTERS);
}

static int overlap(const box *a, const box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* To the right, to the left, above, below, and askew. */
static box box_at(const vc__spot *s, size_t place)
{
    static const double x[PLACES] = {1.0, -1.0, 0.0, 0.0, 1.0, 1.0, -1.0, -1.0},
                        y[PLACES] = {0.0, 0.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0};
    const double width = width_of(s->mark->note), away = 8.0 + 2.5 * (double)s->under;
    const double left = x[place] > 0.0   ? s->x + away
                        : x[place] < 0.0 ? s->x - away - width
                                         : s->x - width / 2.0;
    const double middle = s->y + y[place] * (away + (x[place] == 0.0 ? 5.0 : 3.0));
    return (box){left, left + width, middle - 6.0, middle + 6.0};
}

static size_t crossings(const box *b, const vc__spot *spots, size_t count, const box *names,
                        size_t name_count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++) {
        const box mark = {spots[i].x - 5.0, spots[i].x + 5.0, spots[i].y - 5.0, spots[i].y + 5.0};
        all += overlap(b, &mark) != 0;
    }
    for (size_t i = 0; i < name_count; i++)
        all += 4 * (size_t)(overlap(b, &names[i]) != 0);
    return all;
}

/* Two marks of one result at one place have one name. */
static int is_named_before(const vc__spot *spots, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(spots[i].mark->note, spots[index].mark->note) == 0 &&
            hypot(spots[i].x - spots[index].x, spots[i].y - spots[index].y) < 14.0)
            return 1;
    return 0;
}

void vc__plot_names(FILE *out, const vc__spot *spots, size_t count, double left, double right)
{
    box names[MOST];
    size_t name_count = 0;
    for (size_t i = 0; i < count && name_count < MOST; i++) {
        size_t least = SIZE_MAX;
        box best = {0};
        if (spots[i].quiet || !spots[i].mark->note[0] || is_named_before(spots, i))
            continue;
        for (size_t place = 0; place < PLACES && least > 0; place++) {
            const box b = box_at(&spots[i], place);
            const size_t all = crossings(&b, spots, count, names, name_count) +
                               8 * (size_t)(b.left < left + 1.0 || b.right > right);
            if (all < least) {
                least = all;
                best = b;
            }
        }
        if (least >= 4) /* the table below the figure has it */
            continue;
        names[name_count++] = best;
        vc__svg_text(out, best.left, best.bottom - 2.0, "start", spots[i].mark->note, LETTERS);
    }
}
