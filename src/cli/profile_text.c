#include <stdio.h>

#include "profile.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static double median(const json_t *object, const char *key)
{
    return number(json_object_get(object, key), "median");
}

/* Nothing where there is no number. */
static void cell(const json_t *object, const char *key, double factor, const char *format,
                 int width)
{
    char text[32] = "";
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        snprintf(text, sizeof text, format, factor * json_number_value(value));
    printf(" %*s", width, text);
}

static void print_row(const json_t *object, const char *name, int timed)
{
    printf("%-12s", name);
    cell(object, "macs", 1e-6, "%.2f", 10);
    cell(object, "flops", 1e-6, "%.2f", 10);
    cell(object, "bytes", 1e-6, "%.2f", 8);
    cell(object, "intensity", 1.0, "%.1f", 9);
    if (timed) {
        cell(object, "ms", 1.0, "%.3f", 9);
        cell(object, "share", 100.0, "%.1f", 7);
        cell(object, "gflops", 1.0, "%.1f", 8);
        cell(object, "gbytes", 1.0, "%.1f", 7);
    }
    puts("");
}

static void print_times(const json_t *result)
{
    const json_t *roofs = json_object_get(result, "roofs"),
                 *counters = json_object_get(result, "counters"),
                 *missing = json_object_get(result, "no_counters");
    printf(
        "\nwhole %.3f ms; operators %.3f, threads waiting for each other %.3f; in a run these add up to "
        "%.1f %% of it\n",
        median(result, "whole_ms"), number(result, "operators_ms"), number(result, "waiting_ms"),
        100.0 * median(result, "told_share"));
    printf("MACs that are done: %.2f million an image\n", 1e-6 * number(result, "executed_macs"));
    printf("taking times costs %+.2f %% (quartiles %+.2f to %+.2f)\n",
           100.0 * (median(result, "timed_over_untimed") - 1.0),
           100.0 * (number(json_object_get(result, "timed_over_untimed"), "quartile_low") - 1.0),
           100.0 * (number(json_object_get(result, "timed_over_untimed"), "quartile_high") - 1.0));
    printf("roofs of this machine:");
    if (json_is_number(json_object_get(roofs, "gflops")))
        printf(" %.0f GF/s,", number(roofs, "gflops"));
    printf(" %.1f GB/s\n", number(roofs, "gbytes"));
    if (json_is_string(missing))
        printf("%s\n", json_string_value(missing));
    else if (number(counters, "cycles") > 0.0)
        printf(
            "a run: %.0f million cycles, %.2f instructions per cycle, %.2f million cache misses\n",
            1e-6 * number(counters, "cycles"),
            number(counters, "instructions") / number(counters, "cycles"),
            1e-6 * number(counters, "cache_misses"));
}

void cli_print_profile_model(const json_t *result)
{
    size_t i;
    json_t *object;
    char name[32];
    const int timed = json_object_get(result, "whole_ms") != NULL;
    printf(
        "%s: %s, %lld pixels, %s, batch %lld; per image but ms: MACs and FLOPs in millions, bytes in MB\n",
        json_string_value(json_object_get(result, "model")),
        json_string_value(json_object_get(result, "architecture")),
        (long long)number(result, "image_size"),
        json_string_value(json_object_get(result, "dtype")), (long long)number(result, "batch"));
    printf("%-12s %10s %10s %8s %9s%s\n", "", "MACs", "FLOPs", "bytes", "FLOP/byte",
           timed ? "        ms share %     GF/s    GB/s" : "");
    json_array_foreach (json_object_get(result, "work"), i, object)
        print_row(object, json_string_value(json_object_get(object, "work")), timed);
    print_row(result, "all", 0);
    json_array_foreach (json_object_get(result, "layers"), i, object) {
        const int layer = (int)json_integer_value(json_object_get(object, "layer"));
        snprintf(name, sizeof name, layer < 0 ? "outside" : "layer %d", layer);
        print_row(object, name, timed);
    }
    if (timed)
        print_times(result);
}
