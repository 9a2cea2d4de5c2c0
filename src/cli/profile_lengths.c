#include <stdio.h>

#include "lists.h"
#include "profile.h"
#include "vitcod/progress.h"

enum { PROJECTED = 256, REPEATS = 15 };

static json_t *way_json(const vc_length_times *t, vc_way way)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f}", "macs", (json_int_t)t->macs[way], "ms",
                     1e3 * t->seconds[way].median, "ms_low", 1e3 * t->seconds[way].low, "ms_high",
                     1e3 * t->seconds[way].high, "dense_over_this", t->ratio[way].median);
}

static json_t *length_json(size_t tokens, const vc_length_times *t)
{
    json_t *object =
        json_pack("{s:I, s:f}", "tokens", (json_int_t)tokens, "kept_share", t->kept_share);
    for (int w = 0; w < VC_WAY_COUNT; w++)
        json_object_set_new(object, vc_way_name((vc_way)w), way_json(t, (vc_way)w));
    return object;
}

static vc_status measure(json_t *list, const cli_numbers *lengths, const vc_length_options *how)
{
    vc_progress progress = vc_progress_begin("lengths", lengths->count);
    vc_status status = VC_OK;
    for (size_t i = 0; i < lengths->count && status == VC_OK; i++) {
        vc_length_times times;
        status = vc_profile_length(&times, (size_t)lengths->values[i], how);
        if (status == VC_OK)
            json_array_append_new(list, length_json((size_t)lengths->values[i], &times));
        vc_progress_update(&progress, i + 1, NULL);
    }
    vc_progress_end(&progress);
    return status;
}

vc_status cli_profile_lengths(json_t *result, const cli_profile_options *o)
{
    cli_numbers lengths = {0};
    vc_model_config config;
    VC_TRY(cli_split_numbers(&lengths, "--lengths", o->lengths, 1.0, VC_MOST_TOKENS));
    VC_TRY(cli_preset(&config, &o->model));
    const vc_attention_layer layer = vc_model_layer(&config, 0);
    const vc_length_options how = {.heads = layer.heads,
                                   .head_dim = layer.head_dim,
                                   .projected =
                                       o->linformer == CLI_UNSET ? PROJECTED : o->linformer,
                                   .sparsity = o->sparsity,
                                   .repeats = o->repeats == CLI_UNSET ? REPEATS : o->repeats,
                                   .seed = o->model.seed,
                                   .split = {.split = VC_PATTERN_BY_COST}};
    json_t *list = json_array();
    json_object_update_new(result, json_pack("{s:s, s:I, s:I, s:I, s:f, s:I, s:o}", "arch",
                                             o->model.arch, "heads", (json_int_t)how.heads,
                                             "head_dim", (json_int_t)how.head_dim, "linformer",
                                             (json_int_t)how.projected, "sparsity", how.sparsity,
                                             "repeats", (json_int_t)how.repeats, "lengths", list));
    return measure(list, &lengths, &how);
}

static double number(const json_t *object, const char *way, const char *key)
{
    return json_number_value(json_object_get(json_object_get(object, way), key));
}

void cli_print_profile_lengths(const json_t *result)
{
    size_t i;
    json_t *at;
    printf(
        "attention of one layer and image, %lld heads of %lld; Linformer projects to %lld, sparse is asked to "
        "prune %.1f %%\n",
        (long long)json_integer_value(json_object_get(result, "heads")),
        (long long)json_integer_value(json_object_get(result, "head_dim")),
        (long long)json_integer_value(json_object_get(result, "linformer")),
        100.0 * json_real_value(json_object_get(result, "sparsity")));
    puts("            million MACs                      ms                     dense / this");
    puts("tokens    dense Linformer   sparse    dense Linformer   sparse   Linformer   sparse");
    json_array_foreach (json_object_get(result, "lengths"), i, at)
        printf("%6lld %8.1f %9.1f %8.1f %8.3f %9.3f %8.3f %11.2f %8.2f\n",
               (long long)json_integer_value(json_object_get(at, "tokens")),
               1e-6 * number(at, "dense", "macs"), 1e-6 * number(at, "linformer", "macs"),
               1e-6 * number(at, "sparse", "macs"), number(at, "dense", "ms"),
               number(at, "linformer", "ms"), number(at, "sparse", "ms"),
               number(at, "linformer", "dense_over_this"), number(at, "sparse", "dense_over_this"));
}
