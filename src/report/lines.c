#include "report_impl.h"

const vc__line vc__lines[VC__LINES] = {
    {"Top-1", "eval", "top1", "%", 1.0, "images", 1},
    {"MPJPE of poses", "eval", "poses.mpjpe", "mm", 1.0, "poses.frames", 0},
    {"P-MPJPE of poses", "eval", "poses.p_mpjpe", "mm", 1.0, "poses.frames", 0},
    {"Agreement with the dense model", "calibrate", "agreement", "%", 100.0, "held_back", 1},
    {"Attention pruned", "prune", "sparsity", "%", 100.0, NULL, 0},
    {"Attention kept by the plan", "polarize", "kept_share", "%", 100.0, NULL, 0},
    {"Attention on this CPU, dense / sparse", "profile", "ratio.median", "×", 1.0, "repeats", 0},
    {"Model on this machine, dense / sparse", "bench", "dense_over_sparse.median", "×", 1.0, "runs",
     0},
    {"Model on this machine, a batch", "profile", "untimed_ms.median", "ms", 1.0, "repeats", 0},
    {"Images per second, inference alone", "bench", "images_per_second", "1/s", 1.0, "runs", 0},
    {"Images per second, reading them included", "eval", "images_per_s", "1/s", 1.0, "images", 0},
    {"Accelerator, attention", "simulate", "attention.cycles", "cycles", 1.0, NULL, 0},
    {"Accelerator, end to end", "simulate", "end_to_end.cycles", "cycles", 1.0, NULL, 0},
    {"Accelerator, energy", "simulate", "energy_uj", "µJ", 1.0, NULL, 0},
    {"Cycles of attention, dense / sparse", "codesign", "attention_speedup", "×", 1.0, NULL, 0},
    {"Cycles end to end, dense / sparse", "codesign", "speedup", "×", 1.0, NULL, 0},
    {"Points computed", "sweep", "points", "", 1.0, NULL, 0},
    {"Parameters", "info", "parameters", "", 1.0, NULL, 0},
};
