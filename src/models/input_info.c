#include "vitcod/input_info.h"

#include <string.h>

static const vc_field fields[] = {
    {VC_FIELD(vc_input_info, image_height, "", "pixels"), VC_WHEN(vc_input_info, pictures)},
    {VC_FIELD(vc_input_info, image_width, "", "pixels"), VC_WHEN(vc_input_info, pictures)},
    {VC_FIELD(vc_input_info, channels, "", "of an image"), VC_WHEN(vc_input_info, pictures)},
    {VC_FIELD_LIST(vc_input_info, mean, channels, "input_mean", "", "of pixels in 0..1"),
     VC_WHEN(vc_input_info, pictures)},
    {VC_FIELD_LIST(vc_input_info, std, channels, "input_std", "", "deviations of such pixels"),
     VC_WHEN(vc_input_info, pictures)},
    {VC_FIELD(vc_input_info, interpolation, "", "of images that are resized"),
     VC_WHEN(vc_input_info, pictures)},
    {VC_FIELD(vc_input_info, crop_pct, "", "share of the shorter side that is seen"),
     VC_WHEN(vc_input_info, pictures)},
};
const vc_record vc_input_info_record = VC_RECORD("input", vc_input_info, fields);

void vc_input_info_of(vc_input_info *out, const vc_model_config *config)
{
    const vc_model_input input = vc_model_input_of(config);
    *out = (vc_input_info){.pictures = input.joints == 0,
                           .image_height = input.height,
                           .image_width = input.width,
                           .channels = input.channels,
                           .interpolation = vc_interpolation_word(input.interpolation),
                           .crop_pct = input.crop_pct};
    memcpy(out->input_mean, input.mean, sizeof out->input_mean);
    memcpy(out->input_std, input.std, sizeof out->input_std);
    out->mean = out->input_mean;
    out->std = out->input_std;
}
