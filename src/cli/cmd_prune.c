#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/npy.h"
#include "vitcod/prune.h"

static vc_status prune(vc_prune_report *report, size_t *kept, const vc_prune_options *o,
                       const char *in, const char *out)
{
    vc_npy npy;
    VC_TRY(vc_npy_open(&npy, in));
    const vc_tensor *t = &npy.tensor;
    vc_mask mask = {0};
    vc_status status = VC_OK;
    char text[VC_SHAPE_TEXT];
    if (t->dtype != VC_F32 || t->rank != 4 || vc_tensor_count(t) == 0)
        status = vc_fail(VC_EFORMAT,
                         "%s: %s %s, wanted averaged attention F32 (layers, heads, "
                         "queries, keys)",
                         in, vc_dtype_name(t->dtype), vc_shape_text(text, t->rank, t->shape));
    if (status == VC_OK) {
        const vc_maps maps = {t->shape[0], t->shape[1], t->shape[2], t->shape[3], t->data};
        status = vc_prune(&mask, report, &maps, o, in);
    }
    if (status == VC_OK) {
        *kept = vc_mask_kept(&mask);
        status = vc_mask_write(out, &mask);
    }
    vc_mask_close(&mask);
    vc_npy_close(&npy);
    return status;
}

static int run_prune(const cli_command *command, int argc, char **argv)
{
    vc_prune_options o = vc_prune_options_default();
    const char *output = NULL;
    const cli_option options[] = {
        {"output", "FILE", "npy mask, true = pruned", CLI_TEXT, &output},
        {"rule", "NAME", "pruning rule: info (default)", CLI_TEXT, &o.rule},
        {"info", "X", "info cut: keep a row's highest scores up to this sum", CLI_NUMBER, &o.info},
        {"sparsity", "X", "or the share of entries to prune, 0 to 1", CLI_NUMBER, &o.sparsity},
        {"no-keep-class-token", NULL, "row 0 and column 0 may be pruned (LeViT)", CLI_OFF,
         &o.keep_class_token},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!output)
        return cli_usage(command, "-o FILE is missing");
    if ((o.info < 0.0) == (o.sparsity < 0.0))
        return cli_usage(command, "wanted one of --info and --sparsity, 0 or above");
    vc_prune_report report = {0};
    size_t kept = 0;
    if (prune(&report, &kept, &o, arguments.positional[0], output) != VC_OK)
        return cli_fail();
    if (!common.json) {
        printf("%s: %.2f %% pruned with info cut %.6f\n", output, 100.0 * report.sparsity,
               report.info);
        return CLI_OK;
    }
    json_t *result = cli_result(command, &common);
    json_object_update_new(result,
                           json_pack("{s:o, s:f, s:f, s:f, s:I}", "mask", cli_text(output), "info",
                                     report.info, "sparsity", report.sparsity, "kept_share",
                                     1.0 - report.sparsity, "kept", (json_int_t)kept));
    return cli_print_json(result);
}

const cli_command cmd_prune = {
    "prune", "prune averaged attention to a fixed mask",
    "MAPS.npy --info X|--sparsity X -o MASK.npy",
    "Turns averaged attention maps (layers, heads, queries, keys) into masks. Rule info keeps, per\n"
    "row, the highest scores whose sum reaches the cut, and one more.",
    run_prune};
