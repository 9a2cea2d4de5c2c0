/* Preparing a sample for training, with random changes. */
#include <math.h>

#include "prepare.h"
#include "source_impl.h"

static vc_status fill_with_mean(vc__recipe *recipe, const float *mean)
{
    for (size_t c = 0; c < VC_MAX_CHANNELS && c < recipe->channels; c++) {
        if (!(mean[c] >= 0.0f && mean[c] <= 1.0f))
            return vc_fail(VC_EINVAL, "channel %zu has mean %g, wanted 0 to 1: %s", c,
                           (double)mean[c], "RandAugment fills with the mean colour");
        recipe->fill[c] = (uint8_t)rint(255.0 * (double)mean[c]);
    }
    return VC_OK;
}

static vc_status check_of_poses(const vc_augment_options *o)
{
    return o->crop_most > 0.0 || o->shift > 0 || o->operations > 0 || o->jitter > 0.0 ||
                   o->erase > 0.0 || o->mix > 0.0
               ? vc_fail(VC_EINVAL, "poses are mirrored and no more: wanted no crops, shifts, "
                                    "RandAugment, jitter, erasing, mixup or cutmix")
               : VC_OK;
}

vc_status vc__recipe_augment(vc__recipe *recipe, const vc_augment_options *o, const float *mean)
{
    const int colours = o->operations > 0 || o->jitter > 0.0;
    recipe->augment = *o;
    if (recipe->frames > 0)
        VC_TRY(check_of_poses(o));
    VC_TRY(vc_augment_check(o));
    if (recipe->frames > 0)
        return VC_OK;
    if (colours && recipe->channels != 1 && recipe->channels != 3)
        return vc_fail(VC_EINVAL, "RandAugment or colour jitter of %zu channels, wanted 1 or 3",
                       recipe->channels);
    return o->operations > 0 ? fill_with_mean(recipe, mean) : VC_OK;
}

static vc_status crop(vc__workspace *work, const vc__recipe *recipe, const vc_source *source,
                      size_t index, vc_rng *rng)
{
    const vc_augment_options *o = &recipe->augment;
    if (!(o->crop_most > 0.0))
        return vc__crop_centre(work, recipe, source, index);
    const vc_box box = vc_crop_draw(rng, work->image.width, work->image.height, o);
    return vc_image_resize_box(&work->cropped, &work->image, box, recipe->size.width,
                               recipe->size.height, &work->scratch);
}

static ptrdiff_t draw_shift(vc_rng *rng, size_t most)
{
    return (ptrdiff_t)vc_rng_below(rng, 2 * most + 1) - (ptrdiff_t)most;
}

static vc_status shift(vc__workspace *work, const vc_augment_options *o, vc_rng *rng)
{
    if (o->shift == 0)
        return VC_OK;
    const ptrdiff_t down = draw_shift(rng, o->shift), right = draw_shift(rng, o->shift);
    VC_TRY(vc_image_shift(&work->spare, &work->cropped, down, right));
    const vc_image kept = work->cropped;
    work->cropped = work->spare;
    work->spare = kept;
    return VC_OK;
}

vc_status vc__prepare_changed(float *out, vc__workspace *work, const vc__recipe *recipe,
                              const vc_source *source, size_t index, vc_rng *rng)
{
    const vc_augment_options *o = &recipe->augment;
    VC_TRY(vc__fetch_pixels(work, recipe, source, index));
    VC_TRY(crop(work, recipe, source, index, rng));
    VC_TRY(shift(work, o, rng));
    if (vc_rng_uniform(rng) < o->flip)
        vc_image_flip(&work->cropped);
    if (o->operations > 0)
        VC_TRY(vc_rand_augment(&work->cropped, &work->spare, rng, o, recipe->fill));
    else if (o->jitter > 0.0)
        VC_TRY(vc_colour_jitter(&work->cropped, &work->spare, rng, o->jitter));
    vc_image_normalize(out, &work->cropped, &recipe->normalizer);
    vc_image_erase(out, recipe->channels, recipe->size.height, recipe->size.width, rng, o);
    return VC_OK;
}

void vc__prepare_window(float *out, float *truth, const vc__recipe *recipe, const vc_source *source,
                        size_t index, vc_rng *rng)
{
    const vc_source *holder = vc__source_holder(source, &index);
    const vc__frame frame = holder->frames[index];
    const int mirrored = rng && vc_rng_uniform(rng) < recipe->augment.flip;
    vc_poses_window(out, recipe->frames, &holder->poses, frame.sequence, frame.at, mirrored);
    if (truth)
        vc_poses_truth(truth, recipe->frames, &holder->poses, frame.sequence, frame.at, mirrored);
}
