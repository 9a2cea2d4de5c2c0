/* The parts of a pipeline, as their files are called, in its order. */
#include <string.h>

#include "report_impl.h"

static const char *const parts[] = {
    "info",        "dense",      "evaluation-dense", "attention",
    "prune",       "polarize",   "pruned",           "autoencoder",
    "finetune",    "finetuned",  "evaluation",       "calibrate",
    "calibrated",  "profile",    "profile-dense",    "profile-sparse",
    "bench-dense", "bench",      "simulate-dense",   "simulation-dense",
    "simulate",    "simulation", "control"};
enum { PARTS = sizeof parts / sizeof *parts };

size_t vc__part_rank(const char *name)
{
    size_t i = 0;
    while (i < PARTS && strcmp(parts[i], name) != 0)
        i++;
    return i;
}
