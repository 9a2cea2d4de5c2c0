/* Statistics from a model and images: averaged, and measured where a recipe wants it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/comm.h"
#include "vitcod/distill.h"
#include "vitcod/json.h"

static vc_status average(vc_statistics *out, const vc_model *model, vc_source *source,
                         const vc_plan_recipe *recipe, const vc_look *how)
{
    const size_t count = vc_source_count(source), most = recipe->images;
    vc_dense_stats stats;
    vc_source *looked;
    vc_seen seen;
    VC_TRY(vc_source_spread(&looked, source, most > 0 && most < count ? most : count));
    vc_status status = vc_dense_stats_open(&stats, model, how->batch, vc_plan_recipe_weighs(recipe),
                                           recipe->residual);
    if (status == VC_OK)
        status = vc_plan_recipe_summarize(&stats, recipe, source, how);
    if (status == VC_OK)
        status = vc_dense_look(&stats, &seen, model, looked, how);
    if (status == VC_OK)
        status = vc_dense_stats_finish(out, &stats, &seen);
    vc_dense_stats_close(&stats);
    vc_source_close(looked);
    return status;
}

/* ---- images that cannot be read: whoever goes on hears of them too */

typedef struct recorder {
    json_t **list; /* as vc_statistics.broken */
    int failed;    /* out of memory */
    const vc_look *how;
} recorder;

static void on_broken(void *context, size_t index, const char *name, const char *message)
{
    recorder *r = context;
    json_t *image = json_array();
    vc_json_append(&image, json_integer((json_int_t)index));
    vc_json_append(&image, vc_json_text(name));
    vc_json_append(&image, vc_json_text(message));
    if (!*r->list)
        *r->list = json_array();
    vc_json_append(r->list, image);
    r->failed |= *r->list == NULL;
    if (r->how->on_broken)
        r->how->on_broken(r->how->context, index, name, message);
}

static void tell_broken(const vc_statistics *s, const vc_look *how)
{
    for (size_t i = 0; how->on_broken && i < json_array_size(s->broken); i++) {
        const json_t *image = json_array_get(s->broken, i);
        how->on_broken(how->context, (size_t)json_integer_value(json_array_get(image, 0)),
                       json_string_value(json_array_get(image, 1)),
                       json_string_value(json_array_get(image, 2)));
    }
}

/* ---- several processes, of which the first remembers */

static vc_status no_memory(void)
{
    return vc_fail(VC_ENOMEM, "out of memory for the names of broken images");
}

static vc_status send_broken(const json_t *list)
{
    char *text = list ? vc_json_dump(list, JSON_COMPACT) : strdup("[]");
    if (!text)
        return no_memory();
    vc_comm_send(0, text, strlen(text));
    free(text);
    return VC_OK;
}

static json_int_t index_of(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(json_array_get(list, i), 0));
}

/* *list takes over what is in another, in the order of indices. NULL: out of memory. */
static void merge(json_t **list, const json_t *more)
{
    const size_t own = json_array_size(*list), others = json_array_size(more);
    json_t *all = json_array();
    for (size_t i = 0, k = 0; i + k < own + others;) {
        const int from_own = k == others || (i < own && index_of(*list, i) <= index_of(more, k));
        json_t *image = from_own ? json_array_get(*list, i++) : json_array_get(more, k++);
        vc_json_append(&all, json_incref(image));
    }
    json_decref(*list);
    *list = all;
}

static vc_status take_broken(json_t **list)
{
    char *message;
    size_t bytes;
    json_error_t error;
    vc_comm_receive(&message, &bytes, 1);
    json_t *more = vc_json_parse(message, bytes, 0, &error);
    free(message);
    if (!more)
        return no_memory();
    if (json_array_size(more) > 0) /* no list stays none */
        merge(list, more);
    const int whole = json_array_size(more) == 0 || *list != NULL;
    json_decref(more);
    return whole ? VC_OK : no_memory();
}

/* They wait, so that what the next step sends is not taken for a list. */
static vc_status share_broken(json_t **list)
{
    if (vc_comm_rank() > 0)
        VC_TRY(send_broken(*list));
    for (int other = 1; vc_comm_rank() == 0 && other < vc_comm_size(); other++)
        VC_TRY(take_broken(list));
    return vc_comm_wait();
}

/* ---- */

static vc_status go_on(vc_statistics *out, const vc_model *model, const vc_statistics_keep *keep)
{
    VC_TRY(vc_statistics_read(out, keep->path, keep->settings));
    if (out->model_hash == vc_model_hash(model))
        return VC_OK;
    vc_statistics_close(out);
    return vc_fail(VC_EINVAL, "%s: was begun with another model, which had other weights",
                   keep->path);
}

static vc_status average_and_record(vc_statistics *out, recorder *r, const vc_model *model,
                                    vc_source *source, const vc_plan_recipe *recipe,
                                    const vc_look *how)
{
    json_t *broken = NULL;
    r->list = &broken;
    vc_status status = average(out, model, source, recipe, how);
    r->list = &out->broken;
    if (status == VC_OK && how->together)
        status = share_broken(&broken);
    if (status == VC_OK)
        out->broken = broken;
    else
        json_decref(broken);
    return status;
}

/* What could not be read is remembered behind what could not before. */
static vc_status measure_and_record(vc_statistics *out, recorder *r, const vc_model *model,
                                    vc_source *source, const vc_statistics_keep *keep,
                                    const vc_look *how)
{
    json_t *broken = NULL;
    r->list = &broken;
    vc_status status = vc_measure_heads(out, model, source, keep, how);
    r->list = &out->broken;
    if (status == VC_OK && how->together)
        status = share_broken(&broken);
    if (broken && !out->broken)
        out->broken = json_array();
    for (size_t i = 0; i < json_array_size(broken); i++)
        vc_json_append(&out->broken, json_incref(json_array_get(broken, i)));
    if (status == VC_OK && broken && !out->broken)
        status = no_memory();
    json_decref(broken);
    return status;
}

static vc_status gather(vc_statistics *out, const vc_model *model, vc_source *source,
                        const vc_plan_recipe *recipe, const vc_statistics_keep *keep,
                        const vc_look *how)
{
    const int measures = vc_plan_recipe_measures(recipe);
    recorder r = {&out->broken, 0, how};
    vc_look recorded = *how;
    recorded.on_broken = on_broken;
    recorded.context = &r;
    if (measures)
        VC_TRY(vc_measure_heads_check(model));
    if (measures && keep && keep->path && keep->resume && access(keep->path, F_OK) == 0) {
        VC_TRY(go_on(out, model, keep));
        if (how->together) /* before the first writes or removes what the others read */
            VC_TRY(vc_comm_wait());
        if (!how->together || vc_comm_rank() == 0)
            tell_broken(out, how);
    } else {
        VC_TRY(average_and_record(out, &r, model, source, recipe, &recorded));
        out->curve_images = !measures                  ? 0
                            : recipe->curve_images > 0 ? recipe->curve_images
                                                       : VC_CURVE_IMAGES;
    }
    if (measures && !out->measured)
        VC_TRY(measure_and_record(out, &r, model, source, keep, &recorded));
    return r.failed ? vc_fail(VC_ENOMEM, "out of memory for the names of broken images") : VC_OK;
}

vc_status vc_statistics_gather(vc_statistics *out, const vc_model *model, vc_source *source,
                               const vc_plan_recipe *recipe, const vc_statistics_keep *keep,
                               const vc_look *how)
{
    *out = (vc_statistics){0};
    const vc_status status = gather(out, model, source, recipe, keep, how);
    if (status != VC_OK)
        vc_statistics_close(out);
    return status;
}
