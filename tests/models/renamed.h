/* Weights written under other names. */
#ifndef VC_TEST_RENAMED_H
#define VC_TEST_RENAMED_H

#include "timm.h"
#include "vitcod/safetensors.h"

enum { MOST = 512, NAME = 128 };

/* Tensors on their way into a file. */
typedef struct written {
    vc_named_tensor tensors[MOST];
    char names[MOST][NAME];
    size_t count;
    void *made[MOST]; /* values, until they are written */
    size_t made_count;
} written;

static written out;

static inline void add(const char *name, const vc_tensor *tensor)
{
    assert_true(out.count < MOST && strlen(name) < NAME);
    strcpy(out.names[out.count], name);
    out.tensors[out.count] = (vc_named_tensor){out.names[out.count], *tensor};
    out.count++;
}

static inline float *make_values(size_t count)
{
    float *values = malloc(count * sizeof *values);
    assert_true(values && out.made_count < MOST);
    return out.made[out.made_count++] = values;
}

static inline const char *write_out_with(const char *name, const vc_metadata *metadata,
                                         size_t count)
{
    assert_ok(vc_safetensors_write(temporary(name), out.tensors, out.count, metadata, count));
    out.count = 0;
    while (out.made_count > 0)
        free(out.made[--out.made_count]);
    return temporary(name);
}

static inline const char *write_out(const char *name)
{
    return write_out_with(name, NULL, 0);
}

static inline vc_tensor tensor_of(const vc_param *p)
{
    vc_tensor tensor = {.dtype = VC_F32, .rank = p->rank, .data = p->data};
    memcpy(tensor.shape, p->shape, sizeof p->shape);
    return tensor;
}

/* What stands for a part of timm's name, or of an older one; of Q, K and V a name for each. */
typedef struct renamed {
    const char *ours, *theirs[3];
} renamed;

/* 1: `from` was in the text and is `to` now. */
static inline int replace(char text[NAME], const char *from, const char *to)
{
    char rest[NAME];
    char *at = strstr(text, from);
    if (!at)
        return 0;
    strcpy(rest, at + strlen(from));
    assert_true(strlen(text) + strlen(to) - strlen(from) < NAME);
    strcpy(at, to);
    strcat(at, rest);
    return 1;
}

static inline void rename_in(char name[NAME], const renamed *all, size_t part)
{
    for (const renamed *r = all; r->ours; r++)
        if (r->ours[0] == '.' || strncmp(name, r->ours, strlen(r->ours)) == 0)
            replace(name, r->ours, r->theirs[r->theirs[1] ? part : 0]);
}

static inline size_t parts_of(const char *name, const renamed *all)
{
    size_t parts = 1;
    for (const renamed *r = all; r->ours; r++)
        while (strstr(name, r->ours) && parts < 3 && r->theirs[parts])
            parts++;
    return parts;
}

static inline void add_renamed(const vc_param *p, const renamed *all)
{
    const size_t parts = parts_of(p->name, all);
    vc_tensor tensor = tensor_of(p);
    tensor.shape[0] /= parts;
    for (size_t part = 0; part < parts; part++) {
        char name[NAME];
        strcpy(name, p->name);
        rename_in(name, all, part);
        add(name, &tensor);
        tensor.data = (float *)tensor.data + vc_tensor_count(&tensor);
    }
}

static inline vc_model *reopened(const char *path)
{
    vc_model *model;
    const vc_model_options how = {.in_place = 1};
    assert_ok(vc_model_open(&model, path, &how));
    return model;
}

static inline void are_the_same(const vc_model *have, const vc_model *want)
{
    assert_int_equal(have->param_count, want->param_count);
    for (size_t i = 0; i < want->param_count; i++) {
        assert_int_equal(have->params[i].count, want->params[i].count);
        if (memcmp(have->params[i].data, want->params[i].data,
                   want->params[i].count * sizeof(float)) != 0)
            fail_msg("%s differs", want->params[i].name);
    }
}

static inline int is_noted(const vc_model *model, const char *text)
{
    for (size_t i = 0; vc_model_note(model, i); i++)
        if (strstr(vc_model_note(model, i), text))
            return 1;
    return 0;
}

#endif
