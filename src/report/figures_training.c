/* Curves of `train` and `calibrate`: from their epochs, and from the steps of --log. */
#include <math.h>

#include "report_impl.h"

enum { MOST_MARKS = 400 }; /* of a curve; more would not be visible */

typedef struct metric {
    const char *title, *y_label;
    const char *keys[6]; /* ended by NULL */
    double factor;
    int log;
} metric;

static const metric metrics[] = {
    {"Loss",
     "loss (nat)",
     {"loss", "test_loss", "held_back_loss", "distillation_loss", "divergence"},
     1.0,
     0},
    {"Accuracy while learning",
     "images right (%)",
     {"train_top1", "test_top1", "held_back_top1"},
     1.0,
     0},
    {"Distance of joints while learning",
     "MPJPE (mm)",
     {"test_mpjpe", "held_back_mpjpe", "averaged_mpjpe"},
     1.0,
     0},
    {"Agreement with the dense model", "agreement (%)", {"agreement"}, 100.0, 0},
    {"Distances to the dense model",
     "distance (no unit)",
     {"distance", "feature_distance", "attention_distance"},
     1.0,
     0},
    {"Loss of the auto-encoder",
     "squared error (no unit)",
     {"reconstruction_loss", "reconstruction"},
     1.0,
     1},
    {"Learning rate", "learning rate (per step)", {"learning_rate"}, 1.0, 0},
    {"Length of the gradient", "norm (no unit)", {"gradient_norm"}, 1.0, 1},
    {"Speed of learning", "images per second", {"images_per_s"}, 1.0, 0},
};

/* The number of epochs done, or NAN for a line that is not about training. Each stage of
 * `calibrate` counts its epochs from 1, so there the index of the line is used. */
static double epochs_done(const json_t *line, size_t index, int by_index)
{
    const double epoch = vc__number_at(line, "epoch"), step = vc__number_at(line, "step"),
                 steps = vc__number_at(line, "steps");
    if (!isfinite(epoch))
        return (double)NAN;
    if (isfinite(step) && steps > 0.0)
        return epoch - 1.0 + step / steps;
    return by_index ? (double)index + 1.0 : epoch;
}

static int is_step(const json_t *line)
{
    return json_object_get(line, "step") != NULL;
}

/* Draws the lines of one kind (steps or epochs), only every n-th if there are too many. */
static void add_curves(vc__plot *p, vc__book *book, const vc__result *r, const json_t *lines,
                       int steps, const metric *m)
{
    size_t i, kind = 0;
    json_t *line;
    json_array_foreach ((json_t *)lines, i, line)
        kind += is_step(line) == steps;
    const size_t stride = kind / MOST_MARKS + 1;
    for (size_t k = 0; m->keys[k]; k++) {
        size_t seen = 0;
        json_array_foreach ((json_t *)lines, i, line) {
            const double y = vc__number_at(line, m->keys[k]);
            if (is_step(line) != steps || !isfinite(y) || seen++ % stride != 0)
                continue;
            const size_t s =
                vc__plot_series(p, steps ? VC__LINE : VC__LINE | VC__POINTS, "%s: %s%s", r->label,
                                m->keys[k], steps ? ", steps" : "");
            vc__plot_mark(p, s, epochs_done(line, i, vc__is(r, "calibrate")), m->factor * y, "%s",
                          "");
            book->used[r->run] = 1;
        }
    }
}

static const json_t *epochs_of(const vc__result *r)
{
    if (vc__is(r, "calibrate"))
        return json_object_get(r->json, "log");
    return vc__is(r, "train") ? json_object_get(r->json, "epochs") : NULL;
}

/* 1 if a result of the run holds its epochs, so that those of a log would repeat them. */
static int has_epochs(const vc__book *book, size_t run)
{
    for (size_t i = 0; i < book->result_count; i++)
        if (book->results[i].run == run && json_array_size(epochs_of(&book->results[i])) > 0)
            return 1;
    return 0;
}

static vc_status draw_metric(FILE *out, vc__book *book, const metric *m)
{
    vc__plot p = {.title = m->title, .x_label = "epoch", .y_label = m->y_label, .y_log = m->log};
    for (size_t i = 0; i < book->result_count; i++)
        add_curves(&p, book, &book->results[i], epochs_of(&book->results[i]), 0, m);
    for (size_t i = 0; i < book->log_count; i++) {
        add_curves(&p, book, &book->logs[i], book->logs[i].json, 1, m);
        if (!has_epochs(book, book->logs[i].run))
            add_curves(&p, book, &book->logs[i], book->logs[i].json, 0, m);
    }
    return vc__plot_draw(out, book, &p);
}

vc_status vc__training(FILE *out, vc__book *book)
{
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        VC_TRY(draw_metric(out, book, &metrics[i]));
    return VC_OK;
}
