/* The maps of all heads, as pictures inside a script of the page, which page.js draws.
 *
 * Attention is shown on a logarithmic scale that covers DECADES below each head's highest value.
 * The number of shades is chosen so that the maps fit a budget of bytes and the page can still be
 * sent by mail. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"
#include "vitcod/memory_limit.h"

enum { BUDGET = 2400000, DECADES = 3, MOST_SHADES = 256, FEWEST_SHADES = 8 };

/* ---- pixels */

static float highest(const float *values, size_t count)
{
    float most = 0.0f;
    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

static uint8_t shade(float value, float most, int shades)
{
    if (!(value > 0.0f) || !(most > 0.0f))
        return 0;
    const double share = 1.0 + log10((double)value / (double)most) / DECADES;
    const double step = floor(fmin(fmax(share, 0.0), 1.0) * shades);
    return (uint8_t)lround(255.0 * fmin(step, shades - 1) / (shades - 1));
}

static void shade_layer(uint8_t *pixels, const vc_report_layer *l, int shades)
{
    const size_t area = l->queries * l->keys;
    for (size_t h = 0; h < l->heads; h++) {
        const float most = highest(l->attention + h * area, area);
        for (size_t i = h * area; i < (h + 1) * area; i++)
            pixels[i] = shade(l->attention[i], most, shades);
    }
}

/* ---- pictures */

typedef struct picture {
    char *png;
    size_t bytes;
} picture;

static vc_status draw_layer(picture *out, const vc_report_layer *l, int shades)
{
    uint8_t *pixels = vc_memory_take(l->heads * l->queries, l->keys, "the maps of a layer");
    if (!pixels)
        return VC_ENOMEM;
    const int bits = shades == 2 ? 1 : 8;
    if (bits == 8)
        shade_layer(pixels, l, shades);
    else
        for (size_t i = 0; i < l->heads * l->queries * l->keys; i++)
            pixels[i] = !l->pruned[i];
    const vc_status status =
        vc__png_grey(&out->png, &out->bytes, pixels, l->heads * l->queries, l->keys, bits);
    free(pixels);
    return status;
}

/* Draws all attention maps of a run; `bytes` gets their size. */
static vc_status draw_all(picture *out, size_t *bytes, const vc_report_run *run, int shades)
{
    *bytes = 0;
    for (size_t l = 0; l < run->layer_count; l++) {
        free(out[l].png);
        out[l] = (picture){0};
        if (run->layers[l].attention)
            VC_TRY(draw_layer(&out[l], &run->layers[l], shades));
        *bytes += out[l].bytes;
    }
    return VC_OK;
}

static vc_status fit(picture *out, int *shades, const vc_report_run *run, size_t budget)
{
    size_t bytes = 0;
    for (*shades = MOST_SHADES; *shades >= FEWEST_SHADES; *shades /= 2) {
        VC_TRY(draw_all(out, &bytes, run, *shades));
        if (bytes <= budget || *shades == FEWEST_SHADES)
            return VC_OK;
    }
    return VC_OK;
}

/* ---- JSON */

static void put_picture(FILE *out, const char *name, const picture *p)
{
    if (!p->png)
        return;
    fprintf(out, ",\"%s\":\"data:image/png;base64,", name);
    vc__base64(out, (const uint8_t *)p->png, p->bytes);
    putc('"', out);
}

static void put_numbers(FILE *out, const char *name, const int32_t *values, size_t count)
{
    if (!values)
        return;
    fprintf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++)
        fprintf(out, i ? ",%d" : "%d", (int)values[i]);
    putc(']', out);
}

static void put_peaks(FILE *out, const vc_report_layer *l)
{
    const size_t area = l->queries * l->keys;
    if (!l->attention)
        return;
    fputs(",\"peak\":[", out);
    for (size_t h = 0; h < l->heads; h++)
        fprintf(out, h ? ",%.6g" : "%.6g",
                fmin(fmax((double)highest(l->attention + h * area, area), 0.0), 1e30));
    putc(']', out);
}

static vc_status put_layer(FILE *out, const vc_report_layer *l, const picture *attention)
{
    picture kept = {0};
    if (l->pruned)
        VC_TRY(draw_layer(&kept, l, 2));
    fprintf(out, "{\"heads\":%zu,\"queries\":%zu,\"keys\":%zu", l->heads, l->queries, l->keys);
    put_peaks(out, l);
    put_picture(out, "attention", attention);
    put_picture(out, "kept", &kept);
    put_numbers(out, "queryOrder", l->query_order, l->heads * l->queries);
    put_numbers(out, "keyOrder", l->key_order, l->heads * l->keys);
    put_numbers(out, "globals", l->global_tokens, l->heads);
    putc('}', out);
    free(kept.png);
    return VC_OK;
}

static vc_status put_layers(FILE *out, const vc_report_run *run, picture *attention, size_t budget)
{
    int shades;
    json_t *name = json_string(run->name);
    if (!name)
        return vc_fail(VC_ENOMEM, "out of memory for the name of a run");
    vc_status status = fit(attention, &shades, run, budget);
    fputs("{\"name\":", out);
    if (status == VC_OK)
        status = vc__html_script(out, name);
    json_decref(name);
    VC_TRY(status);
    fprintf(out, ",\"shades\":%d,\"layers\":[", shades);
    for (size_t l = 0; l < run->layer_count; l++) {
        if (l)
            putc(',', out);
        VC_TRY(put_layer(out, &run->layers[l], &attention[l]));
    }
    fputs("]}", out);
    return VC_OK;
}

static vc_status put_run(FILE *out, const vc_report_run *run, size_t budget)
{
    picture *attention = calloc(run->layer_count, sizeof *attention);
    if (!attention)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", run->layer_count);
    const vc_status status = put_layers(out, run, attention, budget);
    for (size_t l = 0; l < run->layer_count; l++)
        free(attention[l].png);
    free(attention);
    return status;
}

static void put_colours(FILE *out)
{
    fprintf(out, "{\"decades\":%d,\"colours\":[", DECADES);
    for (size_t i = 0; i < VC__ANCHORS; i++)
        fprintf(out, "%s[%d,%d,%d]", i ? "," : "", vc__anchors[i][0], vc__anchors[i][1],
                vc__anchors[i][2]);
    fputs("],\"runs\":[", out);
}

/* The part of the page that page.js fills. Without scripts it says so. */
static const char viewer[] =
    "<noscript><p>The maps need JavaScript, which is off here.</p></noscript>\n"
    "<div id=\"maps\" class=\"viewer\" hidden>\n"
    "<div class=\"controls\"><label id=\"map-run-label\">Run <select id=\"map-run\"></select>"
    "</label>\n"
    "<label>Zoom <input id=\"map-zoom\" type=\"range\" min=\"1\" max=\"8\" step=\"0.5\" "
    "value=\"1\"></label>"
    "<span class=\"hint\">Click a head, or move with the arrow keys.</span></div>\n"
    "<div id=\"map-heads\" class=\"heads\" role=\"grid\" aria-label=\"heads: layers down, heads "
    "across\"></div>\n"
    "<p id=\"map-summary\" class=\"summary\" aria-live=\"polite\"></p>\n"
    "<div id=\"map-views\" class=\"views\"></div>\n"
    "<p id=\"map-readout\" class=\"readout\">Point at a map to read an entry.</p>\n</div>\n";

vc_status vc__maps(FILE *out, vc__book *book)
{
    size_t drawn = 0, with_layers = 0;
    for (size_t r = 0; r < book->report->run_count; r++)
        with_layers += book->report->runs[r].layer_count > 0;
    if (with_layers == 0)
        return VC_OK;
    fputs(viewer, out);
    fputs("<script type=\"application/json\" id=\"map-data\">", out);
    put_colours(out);
    for (size_t r = 0; r < book->report->run_count; r++) {
        if (book->report->runs[r].layer_count == 0)
            continue;
        if (drawn++)
            putc(',', out);
        VC_TRY(put_run(out, &book->report->runs[r], BUDGET / with_layers));
        book->used[r] = 1;
    }
    fputs("]}</script>\n", out);
    return VC_OK;
}
