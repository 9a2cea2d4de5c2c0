/* Where the time of an image goes: what `profile` measured beside what other programs did on other
 * devices, by ViTCoD's classes of work. */
#include <math.h>

#include "report_impl.h"

static const vc__bars empty;

static int is_measured(const vc__result *r)
{
    return vc__is(r, "measured") && json_array_size(vc__at(r->json, "work")) > 0;
}

/* `profile` of a whole model; images of its runs. */
static double batch_of(const vc__book *book, const vc__result *r)
{
    if (is_measured(r))
        return book->report->measured_batch ? (double)book->report->measured_batch : 1.0;
    return vc__is(r, "profile") ? vc__number_at(r->json, "batch") : NAN;
}

/* Milliseconds of an image for a kind of work. */
static double ms_of(const vc__result *r, const json_t *work, double batch)
{
    return (is_measured(r) ? 1e-3 * vc__number_at(work, "us") : vc__number_at(work, "ms")) / batch;
}

static double total_ms(const vc__result *r, double batch)
{
    double sum = 0.0;
    size_t i;
    json_t *work;
    json_array_foreach ((json_t *)vc__at(r->json, "work"), i, work) {
        const double ms = ms_of(r, work, batch);
        sum += ms > 0.0 ? ms : 0.0;
    }
    return sum;
}

/* Whose row it is; with shares the sum as well, which a bar does not show then. */
static void name_row(vc__bars *b, const vc__result *r, double total, int shares)
{
    char text[VC__NUMBER];
    const char *kind = is_measured(r)          ? vc__text_at(r->json, "kind")
                       : vc__runs_on_device(r) ? ""
                                               : "this CPU";
    vc__bars_row(b, "%.100s%s%.20s%s%s%s", r->label, kind[0] ? ", " : "", kind, shares ? ", " : "",
                 shares ? vc__number(text, total) : "", shares ? " ms" : "");
}

/* Times of an image, or their shares. */
static void draw(FILE *out, vc__book *book, vc__bars *b, int shares)
{
    for (size_t i = 0; i < book->result_count; i++) {
        const vc__result *r = &book->results[i];
        const double batch = batch_of(book, r);
        size_t k;
        json_t *work;
        if (!(batch > 0.0) || !(total_ms(r, batch) > 0.0))
            continue;
        name_row(b, r, total_ms(r, batch), shares);
        json_array_foreach ((json_t *)vc__at(r->json, "work"), k, work)
            vc__bars_add(b, vc__text_at(work, "work"),
                         ms_of(r, work, batch) * (shares ? 100.0 / total_ms(r, batch) : 1.0));
        book->used[r->run] = 1;
    }
    vc__bars_draw(out, book, b);
}

void vc__devices(FILE *out, vc__book *book)
{
    vc__bars times = empty, shares = empty;
    char note[256];
    size_t measured = 0;
    for (size_t i = 0; i < book->result_count; i++)
        measured += (size_t)is_measured(&book->results[i]);
    if (measured == 0)
        return;
    snprintf(
        note, sizeof note,
        "Sums over the kinds of work, from `profile` and from what TensorRT and PyTorch wrote, "
        "whose runs are taken to have %zu image%s (--measured-batch).",
        book->report->measured_batch ? book->report->measured_batch : (size_t)1,
        book->report->measured_batch > 1 ? "s" : "");
    times.title = "Time of an image here and elsewhere";
    times.note = note;
    times.unit = "ms";
    draw(out, book, &times, 0);
    shares.title = "Where the time of an image goes, here and elsewhere";
    shares.note = "The same, each row as 100 %. \"attention\" is a kernel of QK, softmax and SV in "
                  "one; \"other\" is what is fused across kinds.";
    shares.unit = "%";
    draw(out, book, &shares, 1);
}
