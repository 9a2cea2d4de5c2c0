/* The options of `train`, group by group. */
#include "open_data.h"
#include "train.h"
#include "written.h"

/* Where the model comes from, and the images. */
static size_t list_origin(cli_option *list, size_t used, train_options *o)
{
    const cli_option options[] = {
        {"config", "FILE", "options from a YAML file (configs/train); those given here count more",
         CLI_TEXT, &o->config_file, .files = "yaml yml"},
        {"data", "DIR",
         "training (and test) images: IDX or CIFAR files; with --init or --arch also class folders "
         "or an archive, or an npz of poses",
         CLI_TEXT, &o->data},
        {"truth", "FILE", "of an npz of poses: npz with positions_3d of the same", CLI_TEXT,
         &o->poses.truth, .files = "npz"},
        CLI_POSE_OPTIONS(o->poses),
        {"test-subjects", "LIST", "of an npz of poses: those that epochs are judged by", CLI_TEXT,
         &o->test_subjects},
        {"output", "FILE", "the trained model (safetensors)", CLI_WRITTEN, &o->output,
         .form = &cli_form_model},
        {"init", "MODEL", "start from this model instead of random weights", CLI_TEXT,
         &o->model.path},
        {"arch", "NAME", "instead of --init: timm's name, for the data's classes", CLI_TEXT,
         &o->model.arch, .word = vc_model_preset_name},
        {"new-head", NULL, "with --init: a head for the data's classes, where they are others",
         CLI_FLAG, &o->new_head},
        {"classes", "FILE", "class list: line i names the folder of class i", CLI_TEXT, &o->classes,
         .files = "txt"},
        CLI_EXIF_OPTION(o->exif, "off"),
        CLI_CONVERT_OPTION(o->convert),
        CLI_MODEL_OPTIONS(o->model),
        CLI_INPUT_OPTIONS(o->model),
        {"patch", "N", "pixels along a patch's side (default 2)", CLI_COUNT, &o->sizes.patch},
        {"width", "N", "values per token (default 192)", CLI_COUNT, &o->sizes.width},
        {"depth", "N", "blocks (default 12)", CLI_COUNT, &o->sizes.depth},
        {"hidden", "N", "values inside the MLP (default 4 x width)", CLI_COUNT, &o->sizes.hidden},
        {"distilled", NULL, "a second token and head, logits averaged", CLI_FLAG,
         &o->sizes.distilled},
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

/* How it learns. */
static size_t list_steps(cli_option *list, size_t used, train_options *o, train_asked *asked)
{
    const cli_option options[] = {
        {"epochs", "N", "passes over the images (default 10)", CLI_COUNT, &o->train.epochs},
        {"batch", "N", "images per step (default 64)", CLI_COUNT, &o->train.batch},
        {"limit", "N", "images per epoch, drawn anew in each (default: all)", CLI_COUNT,
         &o->train.limit},
        {"sample", "N", "learn from N images, drawn once at random over classes by --seed",
         CLI_COUNT, &o->sample},
        {"lr", "X", "highest learning rate (default 1e-3)", CLI_NUMBER, &o->train.learning_rate},
        {"lr-batch", "N",
         "the batch that the learning rates are for; they grow with --batch (default: any)",
         CLI_COUNT, &asked->lr_batch},
        {"min-lr", "X", "learning rate at the end of the cosine (default 1e-5, or --lr)",
         CLI_NUMBER, &asked->min_lr},
        {"warmup-lr", "X", "learning rate at the start (default 1e-6, or --lr)", CLI_NUMBER,
         &asked->warmup_lr},
        {"warmup-epochs", "X", "linear warm-up, in epochs (default 1)", CLI_NUMBER,
         &o->train.warmup_epochs},
        {"weight-decay", "X", "of matrices, as in AdamW (default 0.05)", CLI_NUMBER,
         &o->train.weight_decay},
        {"smoothing", "X", "label smoothing (default 0.1)", CLI_NUMBER, &o->train.label_smoothing},
        {"clip", "X", "largest gradient norm, 0 for none (default 1)", CLI_NUMBER, &o->train.clip},
        {"reconstruction", "X", "weight of the auto-encoder's loss (default 1e-4)", CLI_NUMBER,
         &o->train.reconstruction},
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

/* Whom it learns from, and what is left out on the way. */
static size_t list_teaching(cli_option *list, size_t used, train_options *o, train_asked *asked)
{
    const cli_option options[] = {
        {"teacher", "MODEL", "learn from this model's logits as well", CLI_TEXT, &o->teacher},
        {"teacher-heads", "N", "the teacher's attention heads, where its file does not say",
         CLI_COUNT, &o->teacher_heads},
        {"distill", "X", "share of the loss that is the teacher's (default 0.5)", CLI_NUMBER,
         &asked->distill},
        {"temperature", "X", "of both models' logits (default 1)", CLI_NUMBER, &asked->temperature},
        {"hard", NULL, "learn the teacher's first class instead of its distribution", CLI_FLAG,
         &o->train.hard_distillation},
        {"two-heads", NULL, "labels teach the first head, the teacher the second (default: both)",
         CLI_FLAG, &o->train.two_heads},
        {"ema", "X", "decay per step of the moving average that is written (default 0: none)",
         CLI_NUMBER, &o->train.ema},
        {"dtype", "fp32|bf16",
         "precision of the products of blocks and a LeViT's stem (default fp32)", CLI_TEXT,
         &asked->dtype},
        {"memory", "fast|less|least",
         "activations: all are kept; norms, GELU and dense attention are made again; or "
         "whole blocks are, with the same bits (default fast)",
         CLI_TEXT, &asked->memory},
        {"drop-path", "X",
         "stochastic depth: share of branches left out, a DeiT's in its last block", CLI_NUMBER,
         &o->train.drop_path},
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

/* How images are changed. */
static size_t list_augmentation(cli_option *list, size_t used, train_options *o, train_asked *asked)
{
    vc_augment_options *a = &o->train.augment;
    const cli_option options[] = {
        {"repetitions", "N", "of an image in a row, each changed in its own way (default 1)",
         CLI_COUNT, &o->train.repetitions},
        {"shift", "N", "largest random shift in pixels (default 2; 0 beside --crop)", CLI_COUNT,
         &asked->shift},
        {"no-flip", NULL, "do not mirror images", CLI_OFF, &asked->flip},
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
         &asked->mix},
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

/* What is tested and written. */
static size_t list_files(cli_option *list, size_t used, train_options *o, train_asked *asked)
{
    const cli_option options[] = {
        {"no-test", NULL, "skip the test images after each epoch", CLI_OFF, &o->test},
        {"hold-back", "X|N",
         "share, or number, of the images (of poses: sequences) to judge epochs by in place of "
         "test images (default: none; without test images epochs are not judged)",
         CLI_NUMBER, &o->hold_back},
        {"log", "FILE", "JSON lines: one per epoch, one per --log-every steps", CLI_WRITTEN,
         &o->log, .form = &cli_form_log},
        {"log-every", "N", "steps that a line of the log is about, 0: epochs alone (default 50)",
         CLI_COUNT, &asked->log_every},
        {"checkpoint", "FILE", "where training can be resumed from (default OUTPUT.checkpoint)",
         CLI_WRITTEN, &o->checkpoint, .form = &cli_form_checkpoint},
        {"save-every", "N", "steps between checkpoints within an epoch", CLI_COUNT,
         &o->train.save_every},
        {"keep", "N", "checkpoints: older ones are CHECKPOINT.1 and so on (default 1)", CLI_COUNT,
         &o->train.keep},
        {"resume", NULL, "go on from the checkpoint", CLI_FLAG, &o->resume},
        {"skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,
         &o->skip_broken},
    };
    return cli_add_options(list, used, options, sizeof options / sizeof *options);
}

size_t train_list_options(cli_option list[CLI_MOST_OPTIONS], train_options *o, train_asked *asked)
{
    size_t used = 0;
    used = list_origin(list, used, o);
    used = list_steps(list, used, o, asked);
    used = list_teaching(list, used, o, asked);
    used = list_augmentation(list, used, o, asked);
    used = list_files(list, used, o, asked);
    return used;
}
