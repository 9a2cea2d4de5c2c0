#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"
#include "vitcod/isa.h"
#include "vitcod/threads.h"
#include "vitcod/version.h"

vc_engine_options vc_engine_options_default(void)
{
    return (vc_engine_options){.batch = 1, .split = VC_ENGINE_USUAL_SPLIT};
}

static vc_status prepare(vc_engine *e, size_t images)
{
    for (size_t i = 0; i < e->prepared_count; i++)
        if (e->prepared[i] == images)
            return VC_OK;
    size_t *grown = realloc(e->prepared, (e->prepared_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    e->prepared = grown;
    VC_TRY(e->backend->prepare(e->device, &e->program, images));
    grown[e->prepared_count++] = images;
    return VC_OK;
}

/* ---- weights that were packed before */

static void tell(const vc_engine *e, const char *sentence)
{
    if (e->options.on_note && *sentence)
        e->options.on_note(sentence);
}

/* All that packed weights depend on, the sources and the compiler of what packs them too, as a
 * version may be built more than once; a file is replaced by one of the same model, of which a part
 * of this has changed. */
static void open_cache(vc_engine *e)
{
    char packer[VC_PACKER_TEXT], note[VC__CACHE_NOTE], name[64];
    const vc_model_origin *origin = e->model->origin;
    if (!e->options.cache || e->backend != &vc_backend_cpu)
        return;
    if (!origin) {
        tell(e, "packed weights are not kept: the model is not one file as it is, or was written "
                "this moment");
        return;
    }
    static const char compiler[] = __VERSION__;
    const size_t room = strlen(origin->text) + sizeof packer + sizeof compiler + 128;
    char *key = malloc(room);
    if (key)
        snprintf(key, room, "%s; vitcod " VC_VERSION " of sources %s by %s, %s, %s, %s",
                 origin->text, vc__sources, compiler, vc_isa_name(vc_isa_get()),
                 vc_precision_name(e->options.precision), vc_products_packer(packer));
    snprintf(name, sizeof name, "packed-%016llx-%s-%s.safetensors",
             (unsigned long long)origin->name, vc_precision_name(e->options.precision),
             vc_isa_name(vc_isa_get()));
    if (!key || vc__packed_cache_open(&e->cache, note, name, key) != VC_OK)
        tell(e, key ? vc_last_error() : "out of memory for a cache");
    else
        tell(e, note);
    free(key);
}

static void write_cache(const vc_engine *e)
{
    char note[VC__CACHE_NOTE];
    if (!e->cache || ((!e->backend->keep || e->backend->keep(e->device) == VC_OK) &&
                      vc__packed_cache_write(e->cache) == VC_OK))
        return;
    snprintf(note, sizeof note, "packed weights are not kept: %s", vc_last_error());
    tell(e, note);
}

/* ---- opening and running */

static vc_status build(vc_engine *e)
{
    open_cache(e);
    const vc_backend_options on = {e->options.precision, e->options.batch,     e->options.threads,
                                   e->options.device,    e->options.attention, e->cache,
                                   e->options.on_note};
    vc_block_list list;
    if (on.attention == VC_ATTENTION_MAPS && !e->backend->maps)
        return vc_fail(VC_EUNSUPPORTED, "%s keeps no maps of attention, wanted a device",
                       e->backend->name);
    VC_TRY(e->backend->open(&e->device, &on));
    VC_TRY(vc__open_attention(e));
    VC_TRY(vc_model_blocks(&list, &e->model->config, e->model));
    const vc_status status = vc__program_build(e, &list);
    vc_block_list_close(&list);
    VC_TRY(status);
    VC_TRY(vc__program_share_buffers(&e->program, e->options.precision));
    VC_TRY(e->backend->allocate(&e->program, e->device));
    VC_TRY(prepare(e, e->options.batch));
    write_cache(e);
    return VC_OK;
}

vc_status vc_engine_open(vc_engine **out, const vc_model *model, const vc_engine_options *options)
{
    *out = NULL;
    if (options->batch == 0)
        return vc_fail(VC_EINVAL, "a batch of 0 images, wanted at least 1");
    vc_engine *e = calloc(1, sizeof *e);
    if (!e)
        return vc_fail(VC_ENOMEM, "out of memory");
    e->model = model;
    e->options = *options;
    if (!e->options.threads)
        e->options.threads = (size_t)vc_threads_count();
    e->backend = options->backend ? options->backend : vc_backend_at(0);
    const vc_status status = build(e);
    if (status != VC_OK) {
        vc_engine_close(e);
        return status;
    }
    *out = e;
    return VC_OK;
}

vc_status vc_engine_run(vc_engine *e, float *logits, const float *images, size_t count)
{
    assert(count > 0 && count <= e->options.batch);
    VC_TRY(prepare(e, count));
    e->program.buffers[VC_BLOCK_IMAGES]->data = (float *)images;
    e->program.buffers[VC_BLOCK_OUTPUTS]->data = logits;
    VC_TRY(e->backend->run(e->device, &e->program, 0, e->program.step_count, count));
    return e->backend->synchronise(e->device);
}

vc_status vc_engine_maps(float *maps, vc_engine *e, size_t layer)
{
    if (e->options.attention != VC_ATTENTION_MAPS)
        return vc_fail(VC_EINVAL, "an engine that was opened without maps of attention");
    return e->backend->maps(maps, e->device, &e->attention[layer]);
}

vc_status vc_engine_roofs(vc_roofs *out, vc_engine *e)
{
    if (!e->backend->roofs)
        return vc_fail(VC_EUNSUPPORTED, "%s has no roofs of its own", e->backend->name);
    return e->backend->roofs(out, e->device);
}

size_t vc_engine_bytes(const vc_engine *e)
{
    return e->backend->bytes(e->device);
}

const vc_packed_attention *vc_engine_attention(const vc_engine *e, size_t layer)
{
    return &e->attention[layer];
}

void vc_engine_close(vc_engine *e)
{
    if (!e)
        return;
    for (size_t l = 0; e->attention && l < vc_model_layers(&e->model->config); l++)
        vc_packed_attention_close(&e->attention[l]);
    vc__program_close(&e->program);
    e->backend->close(e->device);
    vc__packed_cache_close(e->cache);
    free(e->attention);
    free(e->prepared);
    free(e);
}
