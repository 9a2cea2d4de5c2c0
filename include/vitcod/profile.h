/* Counts of work, and measurements on this machine. */
#ifndef VITCOD_PROFILE_H
#define VITCOD_PROFILE_H

#include "vitcod/attention.h"
#include "vitcod/product.h"
#include "vitcod/progress.h"
#include "vitcod/record.h"
#include "vitcod/workload.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The cost of some work, for one image. */
typedef struct vc_cost {
    uint64_t macs;  /* of products and convolutions that are not pruned */
    uint64_t flops; /* two per MAC, five per score of a softmax, eight per value of a LayerNorm */
    uint64_t value_bytes;  /* activations and indices read and written */
    uint64_t weight_bytes; /* parameters read, once for a batch */
} vc_cost;

/* The costs of a workload by layer and kind of work: costs (layers + 1, VC_WORK_COUNT), first those
 * outside the layers. Values have four bytes, as engines keep them in every precision. Scores and
 * the values inside a block's MLP never leave the core, so they count no bytes. */
void vc_profile_count(vc_cost *costs, const vc_workload *workload, size_t layers,
                      size_t bytes_per_parameter);

typedef struct vc_spread {
    double median, low, high; /* low, high: quartiles */
} vc_spread;

extern const vc_record vc_spread_record;

/* Median and quartiles. Sorts the samples. */
vc_spread vc_spread_of(double *samples, size_t count);
vc_spread vc_spread_scaled(vc_spread spread, double factor);

/* Operations per second (a multiply-add is two) on registers alone, with this many threads; 0 if
 * the CPU has no instruction for the precision. */
double vc_profile_peak(vc_precision precision, int threads);

/* Bytes per second from and to memory: a[i] = b[i] + x c[i] over arrays four times as large as the
 * last-level cache, 192 MiB to 768 MiB (McCalpin's triad), the best of some runs; 0 if memory runs
 * out. */
double vc_profile_bandwidth(int threads);

/* What counts a device's energy: NVML, for an NVIDIA GPU at this place on its bus (device.h), or
 * the INA3221 of a Jetson's board. VC_EUNSUPPORTED where neither does. Between samples power is
 * taken as a straight line. */
typedef struct vc_energy vc_energy;
enum { VC_ENERGY_SOURCE = 128 };
vc_status vc_energy_open(vc_energy **out, const char *bus);
void vc_energy_close(vc_energy *energy); /* NULL is fine */
/* What counts, and which of the board's channels, in words of less than VC_ENERGY_SOURCE bytes; as
 * long as it is open. */
const char *vc_energy_source(const vc_energy *energy);
vc_status vc_energy_sample(vc_energy *energy);
double vc_energy_joules(const vc_energy *energy); /* from opening to the last sample */

/* Counters of the CPU, in user mode on the threads of this process, if the kernel allows it
 * (perf_event_open). */
typedef enum vc_counter {
    VC_COUNTER_CYCLES,
    VC_COUNTER_INSTRUCTIONS,
    VC_COUNTER_CACHE_REFERENCES,
    VC_COUNTER_CACHE_MISSES,
    VC_COUNTER_COUNT
} vc_counter;

typedef struct vc_counters vc_counters;

/* Opens counters on this many OpenMP threads. VC_EUNSUPPORTED, with the reason, if there are
 * none. */
vc_status vc_counters_open(vc_counters **out, int threads);
void vc_counters_close(vc_counters *counters); /* NULL is fine */
void vc_counters_start(vc_counters *counters);
void vc_counters_stop(vc_counters *counters);
/* The count between starts and stops so far, scaled up if counters had to take turns; -1: not
 * available. */
double vc_counters_value(const vc_counters *counters, vc_counter counter);

typedef struct vc_attention_times {
    vc_spread dense, sparse;   /* seconds for all layers of a batch */
    vc_spread ratio;           /* dense / sparse, pair by pair */
    double largest_difference; /* sparse against masked dense, relative to the largest output */
} vc_attention_times;

/* Times dense attention against attention on the plan, with heads split as asked, in turns, on
 * random Q, K and V. First the sparse result is checked against dense attention under the plan's
 * mask: VC_EINVAL for a difference above 1e-4, and nothing is timed. `progress` counts the repeats;
 * may be NULL. */
vc_status vc_profile_attention(vc_attention_times *out, const vc_plan *plan, size_t head_dim,
                               const vc_pattern_options *split, size_t batch, size_t repeats,
                               uint64_t seed, vc_progress *progress);

/* What `profile` prints about attention on a plan. */
typedef struct vc_attention_result {
    vc_spread dense_ms, sparse_ms, ratio;
    double largest_difference;
    size_t batch, head_dim, repeats;
} vc_attention_result;

extern const vc_record vc_attention_record;

/* Self-attention of one layer at some length, computed in three ways. */
typedef enum vc_way {
    VC_WAY_DENSE,
    VC_WAY_LINFORMER, /* keys projected along their tokens (Wang et al. 2020), as ViTCoD's profiles
                         have it: one head of keys for all, which are the values too */
    VC_WAY_SPARSE, /* ViTCoD's pattern: global columns and a band around the diagonal, half of what
                      is kept each */
    VC_WAY_COUNT
} vc_way;

enum { VC_MOST_TOKENS = 16384 };

typedef struct vc_length_options {
    size_t heads, head_dim;
    size_t projected; /* Linformer's k; 0: vc_linformer_tokens */
    double sparsity;  /* share of the entries that is pruned */
    size_t repeats;
    uint64_t seed;
    vc_pattern_options split; /* of the sparse way; its plan has the global columns in the panel */
} vc_length_options;

typedef struct vc_length_times {
    uint64_t macs[VC_WAY_COUNT];
    double kept_share;               /* of the sparse way */
    size_t projected;                /* Linformer's k */
    vc_spread seconds[VC_WAY_COUNT]; /* of one image, in turn */
    vc_spread ratio[VC_WAY_COUNT];   /* dense / this way, round by round */
} vc_length_times;

const char *vc_way_name(vc_way way);

/* What ViTCoD's profiles project so many tokens to: an eighth of them, at most 256, cut to a
 * multiple of 8 (24 of 196); here 8, or all of fewer tokens, where that leaves none. */
size_t vc_linformer_tokens(size_t tokens);

/* Times attention on random Q, K and V of an image of `tokens` tokens. First, nine queries of each
 * way are checked against the plain C kernel, and values of Linformer's projections against their
 * definition: VC_EINVAL for a difference above 1e-4 of the largest output, and nothing is timed.
 * VC_EINVAL also for sizes of 0, a sparsity outside [0, 1), and more than VC_MOST_TOKENS tokens or
 * projected tokens. */
vc_status vc_profile_length(vc_length_times *out, size_t tokens, const vc_length_options *options);

/* What `profile --lengths` prints. */
typedef struct vc_length_way {
    uint64_t macs;
    double ms, ms_low, ms_high; /* median and quartiles */
    double dense_over_this;
} vc_length_way;

typedef struct vc_length_result {
    size_t tokens;
    double kept_share;
    size_t projected;
    vc_length_way dense, linformer, sparse;
} vc_length_result;

typedef struct vc_lengths_result {
    const char *arch;
    size_t heads, head_dim;
    double sparsity;
    size_t repeats;
    vc_length_result *lengths;
    size_t length_count;
} vc_lengths_result;

extern const vc_record vc_lengths_record;

/* Adds a length to the result, which must have room for it. */
void vc_lengths_add(vc_lengths_result *out, size_t tokens, const vc_length_times *times);

/* What `profile --costs` prints: vc_attention_costs, for panels in float32 and, if the CPU has it,
 * in bfloat16. */
typedef struct vc_cost_result {
    const char *panel;
    double panel_entry, row_entry, row;
    const char *unit, *source;
    char cache[4096];
} vc_cost_result;

typedef struct vc_costs_result {
    vc_cost_result *costs;
    size_t cost_count;
} vc_costs_result;

extern const vc_record vc_costs_record;

/* Release the result by vc_record_free with vc_costs_record, even if this fails. */
vc_status vc_costs_result_open(vc_costs_result *out);

/* The median seconds of attention in all layers as inference runs it, in float32, split by the
 * plan, for two images and random Q, K and V. */
vc_status vc_profile_plan_attention(double *seconds, const vc_plan *plan, size_t head_dim);

#ifdef __cplusplus
}
#endif

#endif
