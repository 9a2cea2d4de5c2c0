#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "learning.h"
#include "open_data.h"
#include "option_file.h"
#include "train.h"
#include "vitcod/file.h"

static train_asked asked_default(void)
{
    return (train_asked){.shift = CLI_UNSET,
                         .log_every = 50,
                         .flip = 1,
                         .mix = NAN,
                         .distill = NAN,
                         .temperature = NAN,
                         .min_lr = NAN,
                         .warmup_lr = NAN,
                         .dtype = "fp32",
                         .memory = "fast"};
}

/* DeiT's numbers for whatever is asked for, and nothing asked for. */
static void begin_augmentation(vc_augment_options *a)
{
    *a = vc_augment_options_default();
    a->crop_least = a->crop_most = 0.0;
    a->operations = 0;
    a->jitter = a->erase = a->mix = a->mixup = a->cutmix = 0.0;
}

static void finish_augmentation(vc_augment_options *a, const train_asked *asked)
{
    a->crop_most = a->crop_least > 0.0 ? 1.0 : 0.0;
    a->shift = asked->shift != CLI_UNSET ? asked->shift : a->crop_most > 0.0 ? 0 : 2;
    a->flip = asked->flip ? a->flip : 0.0;
    a->mix = !isnan(asked->mix) ? asked->mix : a->mixup > 0.0 || a->cutmix > 0.0 ? 1.0 : 0.0;
}

/* What was not asked for gives way to a low --lr; what was asked for is checked. */
static void set_learning_rates(vc_train_options *o, const train_asked *asked)
{
    const double factor = asked->lr_batch > 0 ? (double)o->batch / (double)asked->lr_batch : 1.0;
    o->learning_rate *= factor;
    o->min_learning_rate = isnan(asked->min_lr) ? fmin(o->min_learning_rate, o->learning_rate)
                                                : factor * asked->min_lr;
    o->warmup_learning_rate = isnan(asked->warmup_lr)
                                  ? fmin(o->warmup_learning_rate, o->learning_rate)
                                  : factor * asked->warmup_lr;
}

/* What is said about the model, by where it comes from. */
static int check_origin(const cli_command *command, const train_options *o)
{
    const cli_model_options *m = &o->model;
    const vc_plain_sizes *c = &o->sizes;
    if (m->path && m->arch)
        return cli_usage(command, "both --init and --arch, wanted one of them");
    if (!m->path && m->autoencoder)
        return cli_usage(command, "--autoencoder needs a model: --init MODEL");
    if (!m->path && !m->arch && (m->mask || m->plan || vc_extent_area(m->image_size) != 0))
        return cli_usage(command, "--mask, --plan and --image-size need a model: --init MODEL or "
                                  "--arch NAME");
    if (m->arch && m->heads)
        return cli_usage(command, "--heads belongs to an --init MODEL or to own sizes");
    if ((m->path || m->arch) && (c->patch || c->width || c->depth || c->hidden || c->distilled))
        return cli_usage(command,
                         "%s brings its own sizes: leave out --patch, --width, --depth, "
                         "--hidden and --distilled",
                         m->path ? "--init" : "--arch");
    return CLI_CONTINUE;
}

static int check_teacher(const cli_command *command, const train_options *o,
                         const train_asked *asked)
{
    if (!o->teacher && (!isnan(asked->distill) || !isnan(asked->temperature) || o->teacher_heads ||
                        o->train.hard_distillation || o->train.two_heads))
        return cli_usage(command, "--distill, --temperature, --hard, --two-heads and "
                                  "--teacher-heads need a --teacher");
    if (o->train.hard_distillation && !isnan(asked->temperature))
        return cli_usage(command, "--hard has no --temperature");
    return CLI_CONTINUE;
}

static int check(const cli_command *command, const train_options *o, const train_asked *asked)
{
    if (!o->data || !o->output)
        return cli_usage(command, "%s is missing", o->data ? "-o FILE" : "--data DIR");
    if (o->train.epochs == 0)
        return cli_usage(command, "--epochs must be above 0");
    if (o->new_head && !o->model.path)
        return cli_usage(command, "--new-head belongs to --init MODEL");
    if (!isnan(o->hold_back) && !o->test)
        return cli_usage(command, "both --hold-back and --no-test, wanted one of them");
    if (o->test_subjects && (!o->test || !isnan(o->hold_back)))
        return cli_usage(command, "--test-subjects beside --no-test or --hold-back, wanted one");
    if (!isnan(o->hold_back) && cli_check_hold_back(command, o->hold_back) != CLI_CONTINUE)
        return CLI_USAGE;
    if (o->train.keep < 1 || o->train.keep > 1000)
        return cli_usage(command, "--keep is %zu, wanted 1 to 1000", o->train.keep);
    int status = check_origin(command, o);
    if (status == CLI_CONTINUE)
        status = cli_check_model_options(command, &o->model);
    if (status != CLI_CONTINUE)
        return status;
    if (o->resume && !o->checkpoint && vc_file_is_special(o->output))
        return cli_usage(command, "--resume wants a --checkpoint when -o is no regular file");
    status = cli_check_batch(command, o->train.batch);
    return status == CLI_CONTINUE ? check_teacher(command, o, asked) : status;
}

/* The library's options, once all is read. */
static void take_asked(train_options *o, const train_asked *asked, size_t seed)
{
    vc_train_options *t = &o->train;
    t->distillation = isnan(asked->distill) ? t->distillation : asked->distill;
    t->temperature = isnan(asked->temperature) ? t->temperature : asked->temperature;
    t->group = o->log ? asked->log_every : 0;
    t->seed = seed;
    o->usual_shift = asked->shift == CLI_UNSET;
    o->sizes.patch = o->sizes.patch ? o->sizes.patch : 2;
    set_learning_rates(t, asked);
    finish_augmentation(&t->augment, asked);
}

/* Each epoch was printed when it was done. */
static void print_text(const void *result)
{
    (void)result;
}

static int train_and_print(const cli_command *command, const train_options *o,
                           const cli_common *common)
{
    train_result result = {.model = o->output};
    int status = train_all(&result, o, cli_is_quiet(common), common->seed);
    if (status == CLI_CONTINUE)
        status = cli_end(command, common, VC_OK, &result, print_text);
    status = cli_judge_images(status, &result.seen, o->skip_broken);
    cli_images_free(&result.seen);
    free(result.epochs);
    return status;
}

static int run_train(const cli_command *command, int argc, char **argv)
{
    train_options o = {.test = 1, .hold_back = NAN, .train = vc_train_options_default()};
    train_asked asked = asked_default();
    cli_option options[CLI_MOST_OPTIONS];
    cli_common common = {0};
    cli_arguments arguments;
    begin_augmentation(&o.train.augment);
    const size_t count = train_list_options(options, &o, &asked);
    int status = cli_read_option_file(options, count, argc, argv);
    if (status == CLI_CONTINUE)
        status = cli_parse(command, options, count, &common, &arguments, 0, 0, argc, argv);
    if (status == CLI_CONTINUE)
        status = check(command, &o, &asked);
    o.train.half = strcmp(asked.dtype, "bf16") == 0;
    o.train.activations = cli_activations(asked.memory);
    if (status != CLI_CONTINUE)
        return status;
    take_asked(&o, &asked, common.seed);
    return train_and_print(command, &o, &common);
}

const cli_command cmd_train = {
    "train",
    "train or finetune a DeiT, a LeViT or a Strided Transformer",
    "--data DIR -o FILE [options]",
    "Trains a DeiT or a LeViT from random weights (--arch, or a DeiT of own sizes), or finetunes "
    "one (--init), dense, under a mask or on a plan, with or without ViTCoD's auto-encoder; plan "
    "and auto-encoder go into the file that is written. AdamW, linear warm-up, cosine schedule, "
    "label smoothing, soft or hard distillation from a --teacher into the mean of the heads or "
    "one of two (--two-heads), and DeiT's whole recipe by options or --config "
    "configs/train/deit-vitcod.yaml. `mpirun -n N vitcod train ..` shares every batch among "
    "processes, with the losses of one (a LeViT's BatchNorm sees each process's share alone). A "
    "run that was stopped (SIGTERM and Ctrl-C write a checkpoint first) goes on with --resume and "
    "ends with the same bits. A Strided Transformer learns from sequences of poses, npz files with "
    "--truth (docs/poses.md).",
    run_train,
    &train_record,
    "vitcod train --data fashion-mnist --epochs 10 -o dense.safetensors\n"
    "vitcod train --init dense.safetensors --plan plan.safetensors \\\n"
    "    --data fashion-mnist --lr 1e-4 -o sparse.safetensors"};
