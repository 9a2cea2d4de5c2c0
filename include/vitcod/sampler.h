/* Which images an epoch shows, in which order, and to which of several processes: the same global batches whatever their
 * number. */
#ifndef VITCOD_SAMPLER_H
#define VITCOD_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/rng.h"
#include "vitcod/status.h"

enum { VC_SAMPLER_MAX_REPETITIONS = 256, VC_SAMPLER_ROUND = 256 };

typedef struct vc_sampler_options {
    size_t images;      /* in the source */
    size_t limit;       /* only the first so many of each epoch's order; 0: all */
    size_t batch;       /* samples of all ranks together in a step */
    size_t repetitions; /* of an image, one after the other, each changed in its own way; 1: none */
    size_t rank, ranks; /* this process, and how many there are */
    uint64_t seed;
} vc_sampler_options;

/* Three repetitions (Hoffer et al. 2020; Berman et al. 2019), as DeiT has them; one rank. */
vc_sampler_options vc_sampler_options_default(void);

/* An image, in the source, and which of its repetitions. */
typedef struct vc_sample {
    uint32_t index, repetition;
} vc_sample;

/* With N images (the limit, or all) an epoch has N samples: all of the order once, or with R repetitions its first N / R
 * images R times each; then N is rounded down to a multiple of 256, as DeiT's RASampler has it, unless less than a batch
 * would be left. An incomplete last batch is dropped.
 *
 * A rank takes from both ends of the global batch: of its first half positions rank, rank + ranks and so on, of the second
 * half those opposite. So repetitions go to different ranks, and a rank's batch in reverse pairs the same samples as the
 * global batch in reverse, which is how batches are mixed. */
typedef struct vc_sampler {
    vc_sampler_options options;
    size_t images; /* of the order that may be shown: N */
    size_t steps;  /* of an epoch */
    size_t share;  /* samples of this rank in a step */
    uint64_t epoch;
    uint32_t *order; /* (options.images): the same for the same seed and epoch */
} vc_sampler;

/* Starts at epoch 0. VC_EINVAL: less than one whole batch; a batch that several ranks cannot share evenly, each an even
 * number of samples. */
vc_status vc_sampler_open(vc_sampler *out, const vc_sampler_options *options);
void vc_sampler_close(vc_sampler *sampler);

/* Not while a loader uses it. */
void vc_sampler_set_epoch(vc_sampler *sampler, uint64_t epoch);

/* The sample at a position of this rank's batch. `further` images on in the order, from its end back to its start, is the
 * one that takes its place when the images up to there cannot be read; its repetition is one that no other sample of the
 * epoch has. */
vc_sample vc_sampler_at(const vc_sampler *sampler, size_t step, size_t position, size_t further);

/* What decides how a sample is changed, how a step's batch is mixed: streams of (seed, epoch, ...). */
vc_rng vc_sampler_sample_rng(const vc_sampler *sampler, vc_sample sample);
vc_rng vc_sampler_mix_rng(const vc_sampler *sampler, size_t step);

#endif
