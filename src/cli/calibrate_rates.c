/* Learning rates of `vitcod calibrate`. */
#include <math.h>

#include "calibrate.h"

static int check_rate(const cli_command *command, const char *option, double rate, double lr)
{
    if (isnan(rate))
        return CLI_CONTINUE;
    if (!(rate >= 0.0 && rate <= 1.0))
        return cli_usage(command, "--%s is %g, wanted 0 to 1", option, rate);
    if (lr <= 0.0)
        return cli_usage(command, "--lr is %g, wanted more than 0 beside --%s", lr, option);
    return CLI_CONTINUE;
}

int calibrate_check_rates(const cli_command *command, const calibrate_options *o)
{
    const double lr = o->how.train.learning_rate, of_bias = o->how.bias_learning_rate;
    int status = check_rate(command, "lr-bias", of_bias, lr);
    if (status == CLI_CONTINUE)
        status = check_rate(command, "lr-autoencoder", o->how.coder_learning_rate, lr);
    if (status != CLI_CONTINUE)
        return status;
    if (!isnan(of_bias) && !o->model.plan && (!o->recipe.summaries || o->recipe.sparsity == 0.0))
        return cli_usage(command, "--lr-bias is of summaries, and there are none");
    return CLI_CONTINUE;
}
