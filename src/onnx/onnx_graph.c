/* Nodes and constants. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_impl.h"

enum { NODE_INPUT = 1, NODE_OUTPUT, NODE_NAME, NODE_TYPE, NODE_ATTRIBUTE };
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT,
    ATTRIBUTE_INT,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_TYPE = 20
};
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_INTS = 7 };
enum { GRAPH_NODE = 1 };

void vc__graph_fail(vc__graph *g, vc_status status)
{
    g->status = status;
}

void vc__graph_close(vc__graph *g)
{
    for (size_t i = 0; i < g->constant_count; i++)
        free(g->constants[i].owned);
    free(g->constants);
    vc__bytes_close(&g->nodes);
    *g = (vc__graph){0};
}

/* ---- constants */

static size_t values_of(const vc__shape *shape)
{
    size_t values = 1;
    for (size_t i = 0; i < shape->rank; i++)
        values *= shape->dims[i];
    return values;
}

size_t vc__constant_bytes(const vc__constant *c)
{
    const size_t each = c->element == VC__FLOAT   ? sizeof(float)
                        : c->element == VC__INT64 ? sizeof(int64_t)
                                                  : 1;
    return values_of(&c->shape) * each;
}

vc_status vc__too_large(const vc__graph *g)
{
    return vc_fail(VC_EUNSUPPORTED,
                   "%s: would have more than %zu bytes, the most that an ONNX file without further "
                   "files can have, wanted a smaller model, or fewer tokens under its mask",
                   g->path, g->most_bytes);
}

/* NULL: a failure. */
static vc__constant *add_constant(vc__graph *g, const vc__constant *made)
{
    const size_t bytes = vc__constant_bytes(made);
    if (g->status == VC_OK && bytes > g->most_bytes - g->constant_bytes)
        vc__graph_fail(g, vc__too_large(g));
    if (g->status != VC_OK)
        return NULL;
    vc__constant *grown = realloc(g->constants, (g->constant_count + 1) * sizeof *grown);
    if (!grown) {
        vc__graph_fail(g, vc_fail(VC_ENOMEM, "out of memory for %zu constants", g->constant_count));
        return NULL;
    }
    g->constants = grown;
    g->constant_bytes += bytes;
    grown[g->constant_count] = *made;
    return &grown[g->constant_count++];
}

static vc__term scoped(const vc__graph *g, const char *name)
{
    vc__term out;
    snprintf(out.name, sizeof out.name, "%.60s.%s", g->scope, name);
    return out;
}

vc__term vc__weights(vc__graph *g, const char *name, vc__shape shape, const float *data)
{
    const vc__constant made = {scoped(g, name), VC__FLOAT, shape, data, NULL, 0};
    add_constant(g, &made);
    return made.term;
}

vc__term vc__transposed(vc__graph *g, const char *name, vc__shape shape, const float *data,
                        float *owned)
{
    const vc__constant made = {scoped(g, name), VC__FLOAT, shape, data, owned, 1};
    if (!add_constant(g, &made))
        free(owned);
    return made.term;
}

static void *add_room(vc__graph *g, const vc__constant *made)
{
    vc__constant *added = add_constant(g, made);
    if (!added)
        return NULL;
    added->data = added->owned = calloc(vc__constant_bytes(made), 1);
    if (!added->owned)
        vc__graph_fail(g, vc_fail(VC_ENOMEM, "out of memory for '%s'", made->term.name));
    return added->owned;
}

void *vc__constant_room(vc__graph *g, vc__term *out, const char *name, vc__element element,
                        vc__shape shape)
{
    const vc__constant made = {.term = scoped(g, name), .element = element, .shape = shape};
    *out = made.term;
    return add_room(g, &made);
}

static int is_there(const vc__graph *g, const vc__term *term)
{
    for (size_t i = 0; i < g->constant_count; i++)
        if (strcmp(g->constants[i].term.name, term->name) == 0)
            return 1;
    return 0;
}

/* Named by what they hold, so that each is there once. */
vc__term vc__integers(vc__graph *g, const int64_t *values, size_t count)
{
    vc__constant made = {.term = {"integers"}, .element = VC__INT64, .shape = {1, {count}}};
    for (size_t i = 0, used = strlen(made.term.name); i < count; i++)
        used += (size_t)snprintf(made.term.name + used, sizeof made.term.name - used, ".%" PRId64,
                                 values[i]);
    int64_t *room = is_there(g, &made.term) ? NULL : add_room(g, &made);
    if (room)
        memcpy(room, values, count * sizeof *room);
    return made.term;
}

vc__term vc__scalar(vc__graph *g, float value)
{
    vc__constant made = {.element = VC__FLOAT};
    snprintf(made.term.name, sizeof made.term.name, "number.%.9g", (double)value);
    float *room = is_there(g, &made.term) ? NULL : add_room(g, &made);
    if (room)
        *room = value;
    return made.term;
}

/* ---- nodes */

static void put_attribute(vc__bytes *node, const vc__attribute *a)
{
    vc__bytes out = {0};
    vc__put_text(&out, ATTRIBUTE_NAME, a->name);
    if (a->is_float)
        vc__put_float(&out, ATTRIBUTE_FLOAT, a->number);
    else
        for (size_t i = 0; i < a->count; i++)
            vc__put_number(&out, a->is_list ? ATTRIBUTE_INTS : ATTRIBUTE_INT,
                           (uint64_t)a->values[i]);
    vc__put_number(&out, ATTRIBUTE_TYPE,
                   a->is_float  ? TYPE_FLOAT
                   : a->is_list ? TYPE_INTS
                                : TYPE_INT);
    vc__put_message(node, NODE_ATTRIBUTE, &out);
}

void vc__node_to(vc__graph *g, const char *output, const char *type, const vc__term *inputs,
                 const vc__attribute *attributes)
{
    vc__bytes node = {0};
    for (const vc__term *input = inputs; input->name[0]; input++)
        vc__put_text(&node, NODE_INPUT, input->name);
    vc__put_text(&node, NODE_OUTPUT, output);
    vc__put_text(&node, NODE_NAME, output);
    vc__put_text(&node, NODE_TYPE, type);
    for (const vc__attribute *a = attributes; a && a->name; a++)
        put_attribute(&node, a);
    vc__put_message(&g->nodes, GRAPH_NODE, &node);
    g->node_count++;
}

vc__term vc__node(vc__graph *g, const char *type, const vc__term *inputs,
                  const vc__attribute *attributes)
{
    vc__term out;
    snprintf(out.name, sizeof out.name, "%.60s.%s_%zu", g->scope, type, g->node_count);
    vc__node_to(g, out.name, type, inputs, attributes);
    return out;
}
