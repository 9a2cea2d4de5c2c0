#include "learning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/comma_lists.h"
#include "vitcod/distill.h"
#include "vitcod/prune.h"

int cli_check_hold_back(const cli_command *command, double hold_back)
{
    const int is_share = hold_back >= 0.01 && hold_back <= 0.5,
              is_number = hold_back >= 2.0 && hold_back <= 1e9 && hold_back == floor(hold_back);
    if (is_share || is_number)
        return CLI_CONTINUE;
    return cli_usage(command, "--hold-back is %g, wanted 0.01 to 0.5, or 2 images or more",
                     hold_back);
}

int cli_take_hold_back(const cli_command *command, double *held, size_t sources, const char *text)
{
    vc_comma_numbers list = {0};
    int status = CLI_CONTINUE;
    if (vc_comma_numbers_add(&list, "--hold-back", text, 0.0, 1e9) != VC_OK ||
        (list.count != 1 && list.count != sources))
        return cli_usage(command, "--hold-back is '%s', wanted a number, or one for each --data",
                         text);
    for (size_t i = 0; i < sources && status == CLI_CONTINUE; i++) {
        held[i] = list.values[list.count > 1 ? i : 0];
        status = cli_check_hold_back(command, held[i]);
    }
    return status;
}

int cli_check_rule(const cli_command *command, const char *rule)
{
    if (vc_prune_is_budget(rule) || vc_prune_is_rule(rule) || strcmp(rule, VC_RULE_MEASURED) == 0)
        return CLI_CONTINUE;
    return cli_usage(command, "--rule is '%s', wanted budget, measured or a rule of `vitcod prune`",
                     rule);
}

int cli_check_learning(const cli_command *command, const char *rule, double minutes)
{
    const int status = cli_check_rule(command, rule);
    if (status == CLI_CONTINUE && !isnan(minutes) && !(minutes > 0.0))
        return cli_usage(command, "--minutes is %g, wanted more than 0", minutes);
    return status;
}

const char *cli_learning_rule_name(size_t index)
{
    static const char *const own[] = {VC_PRUNE_BUDGET, VC_RULE_MEASURED};
    enum { OWN = sizeof own / sizeof *own };
    return index < OWN ? own[index] : vc_prune_rule_name(index - OWN);
}

int cli_take_stages(const cli_command *command, double stages[CLI_MOST_STAGES], size_t *count,
                    const char *text, double sparsity)
{
    vc_comma_numbers list = {0};
    double last = 0.0;
    int ascend = !text || vc_comma_numbers_add(&list, "--gradual", text, 0.0, sparsity) == VC_OK;
    ascend = ascend && list.count <= CLI_MOST_STAGES;
    for (size_t i = 0; i < list.count && ascend; last = list.values[i++])
        ascend = list.values[i] > last && list.values[i] < sparsity;
    if (!ascend)
        return cli_usage(command,
                         "--gradual is '%s', wanted up to %d ascending sparsities below %g, as "
                         "0.6,0.75",
                         text, CLI_MOST_STAGES, sparsity);
    memcpy(stages, list.values, list.count * sizeof *stages);
    *count = list.count;
    return CLI_CONTINUE;
}

vc_status cli_own_checkpoint(char out[CLI_PATH], const char *output)
{
    if (snprintf(out, CLI_PATH, "%s.checkpoint", output) >= CLI_PATH)
        return vc_fail(VC_EINVAL, "%s: the path is too long", output);
    return VC_OK;
}

vc_keep cli_activations(const char *memory)
{
    return strcmp(memory, "least") == 0  ? VC_KEEP_LEAST
           : strcmp(memory, "less") == 0 ? VC_KEEP_LESS
                                         : VC_KEEP_ALL;
}
