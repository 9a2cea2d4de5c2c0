/* All that the files of a `codesign` run depend on. Threads do not count, nor whether broken images are allowed. */
#include <math.h>

#include "codesign.h"

json_t *codesign_settings(const codesign_options *o)
{
    json_t *all = json_pack(
        "{s:s, s:s, s:s*, s:s*, s:f, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s*, s:s*, s:I, s:I}",
        "MODEL", o->model, "--data", o->data, "--test", o->test, "--classes", o->classes,
        "--sparsity", o->sparsity, "--rule", o->rule, "--residual", o->residual, "--autoencoder",
        o->autoencoder, "--compressed", (json_int_t)o->compressed, "--threshold", o->threshold,
        "--for", o->target, "--finetune", o->finetune, "--gradual", o->gradual, "--chip", o->chip,
        "--heads", (json_int_t)o->heads, "--seed", (json_int_t)o->seed);
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"--minutes", o->minutes}, {"--hold-back", o->hold_back}, {"--lr", o->learning_rate}};
    const struct {
        const char *name;
        size_t value;
    } counts[] = {{"--limit", o->limit},
                  {"--epochs", o->epochs},
                  {"--patience", o->patience},
                  {"--batch", o->batch}};
    for (size_t i = 0; all && i < sizeof numbers / sizeof *numbers; i++)
        if (!isnan(numbers[i].value))
            json_object_set_new(all, numbers[i].name, json_real(numbers[i].value));
    for (size_t i = 0; all && i < sizeof counts / sizeof *counts; i++)
        if (counts[i].value != CODESIGN_UNSET)
            json_object_set_new(all, counts[i].name, json_integer((json_int_t)counts[i].value));
    return all;
}
