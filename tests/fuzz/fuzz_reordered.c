/* ViTCoD's own pair of files: a mask in the order of its plan and the numbers of global tokens. The
 * first byte is how long the file of the numbers is, in eights; both follow. What is
 * read is a plan that keeps something of each row, and has a mask. */
#include "fuzzed_folder.h"

#include "vitcod/vitcod_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_plan plan;
    if (size < 1 || (size_t)data[0] * 8 > size - 1)
        return 0;
    const size_t counts = (size_t)data[0] * 8;
    fuzz_folder_file("global_token_info_1.npy", data + 1, counts);
    if (vc_vitcod_read(&plan, fuzz_folder_file("reodered_info_1.npy", data + 1 + counts,
                                               size - 1 - counts)) != VC_OK)
        return 0;
    const vc_plan_entries entries = vc_plan_count(&plan);
    vc_mask_set masks;
    if (entries.kept > entries.all || entries.denser > entries.all ||
        vc_plan_masks(&masks, &plan) != VC_OK)
        abort();
    vc_mask_set_close(&masks);
    vc_plan_close(&plan);
    return 0;
}
