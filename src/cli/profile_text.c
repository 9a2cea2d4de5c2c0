#include <math.h>
#include <stdio.h>

#include "profile.h"

/* Nothing where there is no number. */
static void cell(double value, double factor, const char *format, int width)
{
    char text[32] = "";
    if (isfinite(value))
        snprintf(text, sizeof text, format, factor * value);
    printf(" %*s", width, text);
}

static double known(uint64_t count)
{
    return count == VC_NO_COUNT ? (double)NAN : (double)count;
}

static void print_row(const char *name, const vc_profile_work *work, int timed)
{
    printf("%-12s", name);
    cell(known(work->macs), 1e-6, "%.2f", 10);
    cell(known(work->flops), 1e-6, "%.2f", 10);
    cell(work->bytes, 1e-6, "%.2f", 8);
    cell(work->intensity, 1.0, "%.1f", 9);
    if (timed) {
        cell(work->ms, 1.0, "%.3f", 9);
        cell(work->share, 100.0, "%.1f", 7);
        cell(work->gflops, 1.0, "%.1f", 8);
        cell(work->gbytes, 1.0, "%.1f", 7);
        cell(work->roof_share, 100.0, "%.1f", 7);
    }
    puts("");
}

static void print_layer(const vc_profile_layer *layer, int timed)
{
    const vc_profile_work all = {.macs = layer->macs,
                                 .flops = layer->flops,
                                 .bytes = layer->bytes,
                                 .intensity = layer->intensity,
                                 .ms = layer->ms,
                                 .share = layer->share,
                                 .gflops = NAN,
                                 .gbytes = NAN,
                                 .roof_share = NAN};
    char name[32];
    snprintf(name, sizeof name, layer->layer < 0 ? "outside" : "layer %d", layer->layer);
    print_row(name, &all, timed);
}

static void print_times(const vc_profile_times *t)
{
    const vc_profile_counters *c = &t->counters;
    const vc_spread *cost = &t->timed_over_untimed;
    printf(
        "\nwhole %.3f ms; operators %.3f, waiting %.3f; in a run these add up to %.1f %% of it\n",
        t->whole_ms.median, t->operators_ms, t->waiting_ms, 100.0 * t->told_share.median);
    printf("MACs that are done: %.2f million an image\n", 1e-6 * (double)t->executed_macs);
    printf("taking times costs %+.2f %% (quartiles %+.2f to %+.2f)\n", 100.0 * (cost->median - 1.0),
           100.0 * (cost->low - 1.0), 100.0 * (cost->high - 1.0));
    if (!isnan(t->apart_ms))
        printf("attention is one kernel of %.3f ms; its parts are shares by three kernels that do "
               "them apart in %.3f ms\n",
               t->fused_ms, t->apart_ms);
    if (t->energy_source[0])
        printf("energy: %.3f mJ an image at %.2f W, by %s\n", t->energy_mj, t->power_w,
               t->energy_source);
    if (!isnan(t->roofs.gbytes))
        printf(isnan(t->apart_ms) ? "roofs of this machine:"
                                  : "roofs of this device, by multiply-adds and a copy:");
    if (!isnan(t->roofs.gflops))
        printf(" %.*f GF/s,", t->roofs.gflops < 10.0 ? 1 : 0, t->roofs.gflops);
    if (!isnan(t->roofs.gbytes))
        printf(" %.1f GB/s\n", t->roofs.gbytes);
    if (t->no_counters[0])
        printf("%s\n", t->no_counters);
    else if (c->cycles > 0.0)
        printf("a run: %.0f million cycles, %.2f instructions per cycle, %.2f million cache "
               "misses\n",
               1e-6 * c->cycles, (isnan(c->instructions) ? 0.0 : c->instructions) / c->cycles,
               1e-6 * (isnan(c->cache_misses) ? 0.0 : c->cache_misses));
}

void cli_print_profile_model(const void *result)
{
    const cli_profile_result *r = result;
    const vc_profile_result *p = &r->profile;
    const vc_profile_work all = {
        .macs = p->macs, .flops = p->flops, .bytes = p->bytes, .intensity = p->intensity};
    printf("%s: %s, ", r->model, p->architecture);
    const vc_extent image = {p->image_height, p->image_width};
    char text[VC_EXTENT_TEXT];
    if (vc_extent_area(image) > 0)
        printf("%s pixels, ", vc_extent_words(text, image));
    printf("%s, batch %zu; per image but ms: MACs and FLOPs in millions, bytes in MB\n", p->dtype,
           p->batch);
    printf("%-12s %10s %10s %8s %9s%s\n", "", "MACs", "FLOPs", "bytes", "FLOP/byte",
           p->timed ? "        ms share %     GF/s    GB/s roof %" : "");
    for (size_t i = 0; i < p->work_count; i++)
        print_row(p->works[i].work, &p->works[i], p->timed);
    print_row("all", &all, 0);
    for (size_t i = 0; i < p->layer_count; i++)
        print_layer(&p->layers[i], p->timed);
    if (p->timed)
        print_times(&p->times);
}
