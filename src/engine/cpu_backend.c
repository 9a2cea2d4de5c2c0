/* The CPU as a backend: buffers in one arena, weights packed by oneDNN, one worker per thread. */
#include <stdlib.h>
#include <string.h>

#include "cpu_impl.h"
#include "vitcod/attention_costs.h"

enum { LINE = VC_ARENA_ALIGN / sizeof(float) };

static void cpu_close(void *device)
{
    vc__cpu *cpu = device;
    if (!cpu)
        return;
    vc__cpu_trace(cpu, NULL, 0);
    for (size_t i = 0; i < cpu->packed_count; i++) {
        free(cpu->packed[i].scale);
        free(cpu->packed[i].bias);
        free(cpu->packed[i].offset);
    }
    for (size_t i = 0; i < cpu->uploaded_count; i++)
        free(cpu->uploaded[i]);
    vc_products_close(cpu->products);
    if (cpu->barrier.workers > 0)
        vc__barrier_close(&cpu->barrier);
    vc_chunks_close(&cpu->packed_int8);
    vc_arena_close(&cpu->arena);
    free(cpu->packed);
    free(cpu->uploaded);
    free(cpu);
}

static vc_status cpu_open(void **device, const vc_backend_options *options)
{
    *device = NULL;
    if (options->precision == VC_IN_FP16)
        return vc_fail(VC_EUNSUPPORTED,
                       "the CPU has no products in fp16, wanted fp32, bf16 or int8, or a device");
    if (!vc_precision_supported(options->precision))
        return vc_fail(VC_EUNSUPPORTED, "this CPU has no instructions for %s products: wanted %s",
                       vc_precision_name(options->precision),
                       options->precision == VC_IN_BF16 ? "AVX-512" : "AVX512_VNNI");
    vc__cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu)
        return vc_fail(VC_ENOMEM, "out of memory");
    cpu->options = *options;
    cpu->kernels = vc_kernels_get();
    cpu->own_int8 = vc_cpu_has_int8_rows();
    vc_status status = vc__barrier_open(&cpu->barrier, options->threads);
    if (status == VC_OK)
        status = vc_products_open(&cpu->products, options->threads);
    else
        cpu->barrier.workers = 0;
    if (status == VC_OK)
        status = vc__cpu_recall_verdicts(cpu);
    if (status == VC_OK)
        *device = cpu;
    else
        cpu_close(cpu);
    return status;
}

static int cpu_has(vc_op_kind kind, vc_precision precision)
{
    return vc__cpu_operator(kind) && (precision == VC_IN_FP32 || vc_op_in_any_precision(kind));
}

static vc_panels cpu_panels(const vc_attention_layer *l, vc_precision precision)
{
    const int bf16 = precision != VC_IN_FP32 && vc_cpu_has_bf16() && l->head_dim % 16 == 0 &&
                     l->value_dim % 16 == 0;
    return bf16 ? VC_PANELS_BF16 : VC_PANELS_FP32;
}

static vc_status cpu_fill_costs(vc_pattern_options *options, vc_panels panels)
{
    return vc_attention_costs_fill(options, panels == VC_PANELS_BF16);
}

static vc_status cpu_upload(const float **out, void *device, const float *values, size_t count)
{
    vc__cpu *cpu = device;
    float **grown = realloc(cpu->uploaded, (cpu->uploaded_count + 1) * sizeof *grown);
    if (grown)
        cpu->uploaded = grown;
    float *made = grown ? malloc(count * sizeof *made) : NULL;
    if (!made)
        return vc_fail(VC_ENOMEM, "out of memory for %zu values", count);
    memcpy(made, values, count * sizeof *made);
    grown[cpu->uploaded_count++] = made;
    *out = made;
    return VC_OK;
}

static size_t scratch_of(const vc_program_op *op)
{
    if (op->inputs > 0)
        return vc__linear_scratch(op);
    if (vc_op_work(op->kind) == VC_WORK_NORM && op->to->precision != VC_IN_FP32)
        return VC__NORM_ROWS * op->from->width * sizeof(float);
    if (op->kind == VC_OP_POOL)
        return op->attention->pattern.pooling->entries * sizeof(float);
    return op->kind == VC_OP_ATTENTION ? op->attention->value_dim * sizeof(float) : 0;
}

static size_t most_scratch(const vc_program *program)
{
    size_t most = 0;
    for (size_t s = 0; s < program->step_count; s++)
        for (size_t i = 0; i < program->steps[s].op_count; i++) {
            const size_t bytes = scratch_of(&program->steps[s].ops[i]);
            most = bytes > most ? bytes : most;
        }
    return most;
}

/* Lays out the memory; the same code first counts and then hands out. */
static void place_buffers(vc__cpu *cpu, vc_program *program)
{
    const size_t threads = cpu->options.threads;
    for (size_t i = VC_BLOCK_OUTPUTS + 1; i < program->buffer_count; i++) {
        vc_program_buffer *b = program->buffers[i];
        const size_t rows = b->local ? VC__TILE : b->rows;
        b->stride = (b->width * rows + LINE - 1) / LINE * LINE;
        b->data = vc_arena_floats(&cpu->arena, b->local ? b->stride * threads
                                                        : b->width * rows * cpu->options.batch);
        b->scales =
            b->precision == VC_IN_INT8 ? vc_arena_floats(&cpu->arena, VC__TILE * threads) : NULL;
    }
    cpu->scratch = vc_arena_take(&cpu->arena, cpu->scratch_bytes * threads);
    cpu->seconds =
        vc_arena_take(&cpu->arena, threads * vc__seconds_stride(cpu) * sizeof *cpu->seconds);
    cpu->ticks = vc_arena_take(&cpu->arena, threads * vc__ticks_stride(cpu) * sizeof *cpu->ticks);
}

static vc_status cpu_allocate(vc_program *program, void *device)
{
    vc__cpu *cpu = device;
    cpu->op_count = program->op_count;
    cpu->scratch_bytes = most_scratch(program);
    place_buffers(cpu, program);
    VC_TRY(vc_arena_reserve(&cpu->arena));
    place_buffers(cpu, program);
    return VC_OK;
}

static size_t cpu_bytes(const void *device)
{
    return ((const vc__cpu *)device)->arena.capacity;
}

static vc_status cpu_prepare(void *device, const vc_program *program, size_t images)
{
    vc__cpu *cpu = device;
    for (size_t s = 0; s < program->step_count; s++) {
        const vc_program_step *step = &program->steps[s];
        const size_t rows = images * step->rows_per_image, tiles = vc__tiles_of(cpu, rows);
        for (size_t i = 0; i < step->op_count; i++) {
            if (step->ops[i].inputs == 0)
                continue;
            const vc__packed *packed = &cpu->packed[step->ops[i].packed];
            const size_t product = packed->product;
            if (packed->int8)
                continue; /* takes any number of rows */
            if (rows / tiles > 0)
                VC_TRY(vc_products_prepare(cpu->products, product, rows / tiles));
            if (rows % tiles > 0)
                VC_TRY(vc_products_prepare(cpu->products, product, rows / tiles + 1));
        }
    }
    return VC_OK;
}

static vc_status cpu_synchronise(void *device)
{
    (void)device; /* running is complete when it returns */
    return VC_OK;
}

const vc_backend vc_backend_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .has = cpu_has,
    .panels = cpu_panels,
    .fill_costs = cpu_fill_costs,
    .upload = cpu_upload,
    .pack = vc__cpu_pack,
    .take = vc__cpu_take,
    .keep = vc__cpu_keep_verdicts,
    .allocate = cpu_allocate,
    .bytes = cpu_bytes,
    .prepare = cpu_prepare,
    .run = vc__cpu_run,
    .synchronise = cpu_synchronise,
    .time = vc__cpu_time,
    .seconds = vc__cpu_seconds,
    .trace = vc__cpu_trace,
    .event_count = vc__cpu_event_count,
    .event_at = vc__cpu_event_at,
};
