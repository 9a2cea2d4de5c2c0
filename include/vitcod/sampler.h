/* Which images an epoch shows, in which order, and to which of several processes. The batches of
 * all processes together are the same whatever their number. */
#ifndef VITCOD_SAMPLER_H
#define VITCOD_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/rng.h"
#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_SAMPLER_MAX_REPETITIONS = 256, VC_SAMPLER_ROUND = 256 };

typedef struct vc_sampler_options {
    size_t images;      /* in the source */
    size_t joints;      /* of a source of poses, whose frames are its images; 0: none */
    size_t limit;       /* images of an epoch, the first of its order; 0: all */
    size_t batch;       /* samples of all ranks together in a step */
    size_t repetitions; /* of an image, one after the other, each changed in its own way; 1: none */
    size_t rank, ranks; /* this process, and how many there are */
    /* What a rank has of a step comes in so many parts, each what one of ranks * parts ranks would
     * have: part p that of rank p * ranks + rank. 0: one. */
    size_t parts;
    uint64_t seed;
} vc_sampler_options;

/* Three repetitions (Hoffer et al. 2020; Berman et al. 2019), as DeiT has them; one rank. */
vc_sampler_options vc_sampler_options_default(void);

/* An image's index in the source, and which of its repetitions this is. */
typedef struct vc_sample {
    uint32_t index, repetition;
} vc_sample;

/* The order of samples. With N images (`limit` of them, or all) an epoch has N samples: each image
 * once or, with R repetitions, the first N / R images of the order R times each. N is then rounded
 * down to a multiple of 256, as DeiT's RASampler does, unless that would leave less than a batch.
 * An incomplete last batch is dropped.
 *
 * A rank takes its samples from both ends of the global batch: from the first half the positions
 * rank, rank + ranks and so on; from the second half the positions opposite. In this way
 * repetitions of an image go to different ranks, and a rank's batch and its reverse pair the same
 * samples as the global batch and its reverse do, which is how batches are mixed. */
typedef struct vc_sampler {
    vc_sampler_options options;
    size_t images; /* of the order that may be shown: N */
    size_t steps;  /* of an epoch */
    size_t parts;  /* of this rank in a step */
    size_t share;  /* samples of each */
    uint64_t epoch;
    uint32_t *order; /* (options.images): the same for the same seed and epoch */
} vc_sampler;

/* Starts at epoch 0. VC_EINVAL: fewer samples than one batch, or a batch that the ranks cannot
 * share evenly with an even number of samples each. */
vc_status vc_sampler_open(vc_sampler *out, const vc_sampler_options *options);
void vc_sampler_close(vc_sampler *sampler);

/* Must not be called while a loader uses the sampler. */
void vc_sampler_set_epoch(vc_sampler *sampler, uint64_t epoch);

/* The sample at a position of this rank's batch, part by part. With `further` above 0 it is a
 * replacement for a sample whose image cannot be read: the image that many places further on in
 * the order, which continues at its start when it ends, with a repetition number that no other
 * sample of the epoch has. */
vc_sample vc_sampler_at(const vc_sampler *sampler, size_t step, size_t position, size_t further);

/* The random streams that decide how a sample is changed and how a step's batch is mixed. */
vc_rng vc_sampler_sample_rng(const vc_sampler *sampler, vc_sample sample);
vc_rng vc_sampler_mix_rng(const vc_sampler *sampler, size_t step);

#ifdef __cplusplus
}
#endif

#endif
