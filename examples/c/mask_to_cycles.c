/* The cycles that a mask's attention takes on ViTCoD's accelerator, and dense attention of the same
 * shape beside it. usage: mask_to_cycles MASK.npy [CHIP] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vitcod/vitcod.h>

static vc_status cycles_of(uint64_t *out, const vc_mask *mask, const char *chip, const char *path)
{
    enum { HEAD_DIM = 64, THRESHOLD = 50 }; /* DeiT's; columns that keep more are dense */
    const size_t not_compressed[2] = {0, 0};
    const vc_timeline_options options = {0};
    vc_accelerator accelerator;
    vc_plan plan;
    vc_simulation simulation;
    vc_timeline timeline;
    VC_TRY(vc_accelerator_open(&accelerator, chip));
    VC_TRY(vc_polarize(&plan, mask, THRESHOLD, path));
    vc_status status =
        vc_simulation_of_plan(&simulation, &plan, HEAD_DIM, not_compressed, &accelerator, path);
    if (status == VC_OK) {
        status = vc_timeline_run(&timeline, &simulation, &options);
        *out = timeline.attention.all.work.cycles;
        vc_timeline_close(&timeline);
        vc_simulation_close(&simulation);
    }
    vc_plan_close(&plan);
    return status;
}

static vc_status print_cycles(const char *path, const char *chip)
{
    vc_mask mask;
    uint64_t sparse = 0, dense = 0;
    VC_TRY(vc_mask_read(&mask, path));
    const size_t entries = mask.layers * mask.heads * mask.queries * mask.keys;
    const size_t kept = vc_mask_kept(&mask);
    vc_status status = cycles_of(&sparse, &mask, chip, path);
    memset(mask.pruned, 0, entries);
    if (status == VC_OK)
        status = cycles_of(&dense, &mask, chip, path);
    vc_mask_close(&mask);
    VC_TRY(status);
    printf("%s: %.2f %% of the entries kept, %" PRIu64 " cycles, dense %" PRIu64 "\n", path,
           100.0 * (double)kept / (double)entries, sparse, dense);
    return VC_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s MASK.npy [CHIP]\n", argv[0]);
        return 2;
    }
    const vc_status status = print_cycles(argv[1], argc > 2 ? argv[2] : "vitcod");
    if (status != VC_OK)
        fprintf(stderr, "%s\n", vc_last_error());
    return status != VC_OK;
}
