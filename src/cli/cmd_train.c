#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "option_file.h"
#include "train.h"

/* Options that are not the library's, or are unless somebody says otherwise. */
typedef struct recipe {
    size_t lr_batch, shift;
    int flip;
    double mix;
    const char *dtype;
} recipe;

static recipe recipe_default(void)
{
    return (recipe){.shift = CLI_UNSET, .flip = 1, .mix = NAN, .dtype = "fp32"};
}

/* DeiT's numbers for whatever is asked for, and nothing asked for. */
static void recipe_begin(vc_augment_options *a)
{
    *a = vc_augment_options_default();
    a->crop_least = a->crop_most = 0.0;
    a->operations = 0;
    a->jitter = a->erase = a->mix = a->mixup = a->cutmix = 0.0;
}

static void recipe_end(vc_train_options *o, const recipe *r)
{
    vc_augment_options *a = &o->augment;
    a->crop_most = a->crop_least > 0.0 ? 1.0 : 0.0;
    a->shift = r->shift != CLI_UNSET ? r->shift : a->crop_most > 0.0 ? 0 : 2;
    a->flip = r->flip ? a->flip : 0.0;
    a->mix = !isnan(r->mix) ? r->mix : a->mixup > 0.0 || a->cutmix > 0.0 ? 1.0 : 0.0;
}

/* What was not asked for gives way to a low --lr; what was asked for is checked. */
static void set_learning_rates(vc_train_options *o, double lowest, double first, size_t lr_batch)
{
    const double factor = lr_batch > 0 ? (double)o->batch / (double)lr_batch : 1.0;
    o->learning_rate *= factor;
    o->min_learning_rate =
        isnan(lowest) ? fmin(o->min_learning_rate, o->learning_rate) : factor * lowest;
    o->warmup_learning_rate =
        isnan(first) ? fmin(o->warmup_learning_rate, o->learning_rate) : factor * first;
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
    if (!m->path && !m->arch && (m->mask || m->plan || m->image_size))
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

static int run_train(const cli_command *command, int argc, char **argv)
{
    train_options o = {.test = 1, .train = vc_train_options_default()};
    recipe r = recipe_default();
    vc_augment_options *a = &o.train.augment;
    double distill = NAN, temperature = NAN, min_lr = NAN, warmup_lr = NAN;
    size_t log_every = 50;
    recipe_begin(a);
    const cli_option options[] = {
        {"config", "FILE", "options from a YAML file (configs/train); those given here count more",
         CLI_TEXT, &o.config_file},
        {"data", "DIR",
         "training (and test) images: IDX or CIFAR files; with --init or --arch also class folders or a tar",
         CLI_TEXT, &o.data},
        {"output", "FILE", "the trained model (safetensors)", CLI_TEXT, &o.output},
        {"init", "MODEL", "start from this model instead of random weights", CLI_TEXT,
         &o.model.path},
        {"arch", "NAME", "instead of --init: timm's name, for the data's classes", CLI_TEXT,
         &o.model.arch},
        {"new-head", NULL, "with --init: a head for the data's classes, where they are others",
         CLI_FLAG, &o.new_head},
        {"classes", "FILE", "class list: line i names the folder of class i", CLI_TEXT, &o.classes},
        CLI_MODEL_OPTIONS(o.model),
        {"patch", "N", "pixels along a patch's side (default 2)", CLI_COUNT, &o.sizes.patch},
        {"width", "N", "values per token (default 192)", CLI_COUNT, &o.sizes.width},
        {"depth", "N", "blocks (default 12)", CLI_COUNT, &o.sizes.depth},
        {"hidden", "N", "values inside the MLP (default 4 x width)", CLI_COUNT, &o.sizes.hidden},
        {"distilled", NULL, "a second token and head, logits averaged", CLI_FLAG,
         &o.sizes.distilled},
        {"epochs", "N", "passes over the images (default 10)", CLI_COUNT, &o.train.epochs},
        {"batch", "N", "images per step (default 64)", CLI_COUNT, &o.train.batch},
        {"limit", "N", "images per epoch (default: all)", CLI_COUNT, &o.train.limit},
        {"lr", "X", "highest learning rate (default 1e-3)", CLI_NUMBER, &o.train.learning_rate},
        {"lr-batch", "N",
         "the batch that the learning rates are for; they grow with --batch (default: any)",
         CLI_COUNT, &r.lr_batch},
        {"min-lr", "X", "learning rate at the end of the cosine (default 1e-5, or --lr)",
         CLI_NUMBER, &min_lr},
        {"warmup-lr", "X", "learning rate at the start (default 1e-6, or --lr)", CLI_NUMBER,
         &warmup_lr},
        {"warmup-epochs", "X", "linear warm-up, in epochs (default 1)", CLI_NUMBER,
         &o.train.warmup_epochs},
        {"weight-decay", "X", "of matrices, as in AdamW (default 0.05)", CLI_NUMBER,
         &o.train.weight_decay},
        {"smoothing", "X", "label smoothing (default 0.1)", CLI_NUMBER, &o.train.label_smoothing},
        {"clip", "X", "largest gradient norm, 0 for none (default 1)", CLI_NUMBER, &o.train.clip},
        {"reconstruction", "X", "weight of the auto-encoder's loss (default 1e-4)", CLI_NUMBER,
         &o.train.reconstruction},
        {"teacher", "MODEL", "learn from this model's logits as well", CLI_TEXT, &o.teacher},
        {"teacher-heads", "N", "the teacher's attention heads, where its file does not say",
         CLI_COUNT, &o.teacher_heads},
        {"distill", "X", "share of the loss that is the teacher's (default 0.5)", CLI_NUMBER,
         &distill},
        {"temperature", "X", "of both models' logits (default 1)", CLI_NUMBER, &temperature},
        {"hard", NULL, "learn the teacher's first class instead of its distribution", CLI_FLAG,
         &o.train.hard_distillation},
        {"two-heads", NULL, "labels teach the first head, the teacher the second (default: both)",
         CLI_FLAG, &o.train.two_heads},
        {"ema", "X", "decay per step of the moving average that is written (default 0: none)",
         CLI_NUMBER, &o.train.ema},
        {"dtype", "NAME", "products of the blocks and a LeViT's stem in fp32 (default) or bf16",
         CLI_TEXT, &r.dtype},
        {"drop-path", "X",
         "stochastic depth: share of branches left out, a DeiT's in its last block", CLI_NUMBER,
         &o.train.drop_path},
        {"repetitions", "N", "of an image in a row, each changed in its own way (default 1)",
         CLI_COUNT, &o.train.repetitions},
        {"shift", "N", "largest random shift in pixels (default 2; 0 beside --crop)", CLI_COUNT,
         &r.shift},
        {"no-flip", NULL, "do not mirror images", CLI_OFF, &r.flip},
        {"crop", "X", "random resized crops of this share of the area or more (default 0: none)",
         CLI_NUMBER, &a->crop_least},
        {"operations", "N", "RandAugment: so many of its operations per image (default 0)",
         CLI_COUNT, &a->operations},
        {"magnitude", "X", "RandAugment: 0 to 10 (default 9)", CLI_NUMBER, &a->magnitude},
        {"magnitude-std", "X", "RandAugment: its deviation (default 0.5)", CLI_NUMBER,
         &a->magnitude_std},
        {"jitter", "X", "without RandAugment: brightness, contrast, saturation by 1 +- X",
         CLI_NUMBER, &a->jitter},
        {"erase", "X", "random erasing of this share of the images (default 0)", CLI_NUMBER,
         &a->erase},
        {"mixup", "X", "images are mixed by Beta(X, X) (default 0: not)", CLI_NUMBER, &a->mixup},
        {"cutmix", "X", "rectangles are exchanged, their area by Beta(X, X) (default 0: not)",
         CLI_NUMBER, &a->cutmix},
        {"cutmix-share", "X", "of the batches, where there is mixup as well (default 0.5)",
         CLI_NUMBER, &a->cutmix_share},
        {"mix", "X", "share of the batches that mixup or cutmix changes (default 1)", CLI_NUMBER,
         &r.mix},
        {"no-test", NULL, "skip the test images after each epoch", CLI_OFF, &o.test},
        {"log", "FILE", "JSON lines: one per epoch, one per --log-every steps", CLI_TEXT, &o.log},
        {"log-every", "N", "steps that a line of the log is about, 0: epochs alone (default 50)",
         CLI_COUNT, &log_every},
        {"checkpoint", "FILE", "where training can be resumed from (default OUTPUT.checkpoint)",
         CLI_TEXT, &o.checkpoint},
        {"save-every", "N", "steps between checkpoints within an epoch", CLI_COUNT,
         &o.train.save_every},
        {"keep", "N", "checkpoints: older ones are CHECKPOINT.1 and so on (default 1)", CLI_COUNT,
         &o.train.keep},
        {"resume", NULL, "go on from the checkpoint", CLI_FLAG, &o.resume},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_read_option_file(options, sizeof options / sizeof *options, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments, 0,
                       0, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.data || !o.output)
        return cli_usage(command, "%s is missing", o.data ? "-o FILE" : "--data DIR");
    if (o.train.epochs == 0)
        return cli_usage(command, "--epochs must be above 0");
    o.train.half = strcmp(r.dtype, "bf16") == 0;
    if (!o.train.half && strcmp(r.dtype, "fp32") != 0)
        return cli_usage(command, "--dtype is '%s', wanted fp32 or bf16", r.dtype);
    if (o.new_head && !o.model.path)
        return cli_usage(command, "--new-head belongs to --init MODEL");
    if (o.train.keep < 1 || o.train.keep > 1000)
        return cli_usage(command, "--keep is %zu, wanted 1 to 1000", o.train.keep);
    status = check_origin(command, &o);
    if (status != CLI_CONTINUE)
        return status;
    status = cli_check_model_options(command, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    if (o.resume && !o.checkpoint && train_is_special(o.output))
        return cli_usage(command, "--resume wants a --checkpoint when -o is no regular file");
    status = cli_check_batch(command, o.train.batch);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.teacher && (!isnan(distill) || !isnan(temperature) || o.teacher_heads ||
                       o.train.hard_distillation || o.train.two_heads))
        return cli_usage(command, "--distill, --temperature, --hard, --two-heads and "
                                  "--teacher-heads need a --teacher");
    if (o.train.hard_distillation && !isnan(temperature))
        return cli_usage(command, "--hard has no --temperature");
    o.train.distillation = isnan(distill) ? o.train.distillation : distill;
    o.train.temperature = isnan(temperature) ? o.train.temperature : temperature;
    o.sizes.patch = o.sizes.patch ? o.sizes.patch : 2;
    set_learning_rates(&o.train, min_lr, warmup_lr, r.lr_batch);
    recipe_end(&o.train, &r);
    o.train.group = o.log ? log_every : 0;
    o.train.seed = common.seed;
    json_t *epochs = json_array();
    status = train_all(epochs, &o, common.json, common.seed);
    if (status == CLI_CONTINUE && common.json) {
        json_t *result = cli_result(command, &common);
        json_object_set_new(result, "model", cli_text(o.output));
        json_object_set(result, "epochs", epochs);
        status = cli_print_json(result);
    }
    json_decref(epochs);
    return status == CLI_CONTINUE ? CLI_OK : status;
}

const cli_command cmd_train = {
    "train", "train or finetune a DeiT or a LeViT", "--data DIR -o FILE [options]",
    "Trains a DeiT or a LeViT from random weights (--arch, or a DeiT of own sizes), or finetunes one (--init),\n"
    "dense, under a mask or on a plan, with or without ViTCoD's auto-encoder; plan and auto-encoder go into the\n"
    "file that is written. AdamW, linear warm-up, cosine schedule, label smoothing, soft or hard distillation\n"
    "from a --teacher into the mean of the heads or one of two (--two-heads), and DeiT's whole recipe by options\n"
    "or --config configs/train/deit-vitcod.yaml. `mpirun -n N vitcod train ..` shares every batch among processes,\n"
    "with the losses of one (a LeViT's BatchNorm sees each process's share alone). A run that was stopped (SIGTERM\n"
    "and Ctrl-C write a checkpoint first) goes on with --resume and ends with the same bits.",
    run_train, NULL};
