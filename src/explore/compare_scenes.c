/* Scenes: models at sparsities, with what a prediction would see in real attention. */
#include <math.h>
#include <stdlib.h>

#include "compare_impl.h"
#include "vitcod/maps.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"
#include "vitcod/subject.h"

static const double default_sparsities[] = {0.6, 0.7, 0.8, 0.9, 0.95};

static double flat_rows(const vc_map_set *maps, double flat)
{
    double rows = 0.0, low = 0.0;
    for (size_t g = 0; g < maps->files.count; g++) {
        const vc_maps *m = &maps->maps[g];
        for (size_t r = 0; r < m->layers * m->heads * m->queries; r++) {
            const float *row = m->values + r * m->keys;
            float highest = 0.0f;
            for (size_t k = 0; k < m->keys; k++)
                highest = row[k] > highest ? row[k] : highest;
            low += (double)highest < flat;
            rows++;
        }
    }
    return low / rows;
}

/* A threshold on the scores of real attention that keeps as many as the mask. */
static vc_status predict(vc_scene *s, const vc_map_set *maps, const char *path)
{
    vc_prune_options o = vc_prune_options_default();
    vc_prune_report report;
    vc_mask_set set;
    o.rule = "threshold";
    o.sparsity = 1.0 - s->kept;
    o.keep_class_token = 0;
    VC_TRY(vc_mask_set_open(&set, maps->files.count));
    vc_status status =
        vc_prune_groups(set.masks, &report, maps->maps, NULL, maps->files.count, &o, path);
    if (status == VC_OK)
        status = vc_polarize_groups(&s->seen, set.masks, set.count, set.masks[0].queries, path);
    vc_mask_set_close(&set);
    return status == VC_OK ? vc_model_check_plan(&s->model, &s->seen, path) : status;
}

static vc_status look_at_attention(vc_scene *s, const vc_compare_options *o)
{
    char path[4096], stem[256];
    vc_map_set maps;
    vc_subject_stem(stem, s->arch);
    if (!vc_subject_maps(path, sizeof path, o->attention, stem))
        return vc_fail(VC_EIO, "%s: neither %s.npy nor %s is there", o->attention, stem, stem);
    VC_TRY(vc_map_set_read(&maps, path));
    s->flat = flat_rows(&maps, o->flat);
    const vc_status status = predict(s, &maps, path);
    vc_map_set_close(&maps);
    return status;
}

static vc_status finish_scene(vc_scene *s, const vc_compare_options *o)
{
    s->kept = vc_plan_kept_share(&s->plan);
    if (s->is_file)
        s->sparsity = 1.0 - s->kept;
    return o->attention ? look_at_attention(s, o) : VC_OK;
}

static vc_status open_preset(vc_scene *s, const char *arch, double sparsity,
                             const vc_compare_options *o)
{
    *s = (vc_scene){.arch = arch, .sparsity = sparsity, .flat = NAN};
    VC_TRY(vc_model_preset(&s->model, arch));
    VC_TRY(vc_subject_plan(&s->plan, &s->model, o->masks, arch, sparsity, o->threshold));
    return finish_scene(s, o);
}

static vc_status open_file(vc_scene *s, const char *path, const vc_compare_options *o)
{
    *s = (vc_scene){.arch = path, .flat = NAN};
    VC_TRY(vc_subject_model(&s->model, &s->plan, &s->is_file, path, path));
    if (!s->plan.layer_count)
        return vc_fail(VC_EINVAL, "%s: no plan is inside, wanted a model with one", path);
    return finish_scene(s, o);
}

static void close_scene(vc_scene *s)
{
    vc_plan_close(&s->plan);
    vc_plan_close(&s->seen);
}

/* At every sparsity; without --sparsity where there is a mask. */
static vc_status open_presets(vc_comparison *c, const char *arch, const vc_compare_options *o,
                              const double *sparsities, size_t count)
{
    const size_t before = c->scene_count;
    vc_status status = VC_OK;
    for (size_t i = 0; i < count; i++) {
        vc_scene *s = &c->scenes[c->scene_count];
        status = open_preset(s, arch, sparsities[i], o);
        c->scene_count += status == VC_OK;
        if (status != VC_OK) {
            close_scene(s);
            if (o->sparsity_count > 0 || vc_subject_has_mask(o->masks, arch, sparsities[i]))
                return status;
        }
    }
    return c->scene_count == before ? status : VC_OK;
}

vc_status vc__scenes_open(vc_comparison *c, const vc_compare_options *o)
{
    const int asked = o->sparsity_count > 0;
    const double *values = asked ? o->sparsities : default_sparsities;
    const size_t count =
        asked ? o->sparsity_count : sizeof default_sparsities / sizeof *default_sparsities;
    c->scenes = calloc(o->model_count * count, sizeof *c->scenes);
    if (!c->scenes)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t a = 0; a < o->model_count; a++) {
        const char *arch = o->models[a];
        if (vc_subject_is_file(arch))
            VC_TRY(open_file(&c->scenes[c->scene_count++], arch, o));
        else
            VC_TRY(open_presets(c, arch, o, values, count));
    }
    return VC_OK;
}

void vc__scenes_close(vc_comparison *c)
{
    for (size_t i = 0; i < c->scene_count; i++)
        close_scene(&c->scenes[i]);
    free(c->scenes);
}
