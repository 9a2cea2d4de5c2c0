#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "open_model.h"
#include "vitcod/progress.h"
#include "vitcod/train.h"

typedef struct train_options {
    cli_model_options model;
    const char *data, *teacher, *output, *checkpoint, *log;
    int resume, test;
    vc_deit_config config;
    vc_train_options train;
    int flip;
    size_t teacher_heads;
} train_options;

typedef struct run {
    const train_options *options;
    vc_progress progress;
    FILE *log;
    int json;
    json_t *epochs;
} run;

static json_t *epoch_json(const vc_epoch_report *r)
{
    json_t *line = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "epoch", (json_int_t)r->epoch,
                             "loss", r->loss, "reconstruction_loss", r->reconstruction,
                             "train_top1", r->train_top1, "learning_rate", r->learning_rate,
                             "gradient_norm", r->grad_norm, "images_per_s", r->images_per_second);
    if (r->distilled)
        json_object_set_new(line, "distillation_loss", json_real(r->distillation));
    if (r->tested) {
        double images = (double)r->test.images;
        json_object_set_new(line, "test_top1", json_real(100.0 * (double)r->test.top1 / images));
        json_object_set_new(line, "test_loss", json_real(r->test.loss));
    }
    return line;
}

static void on_step(void *context, size_t step, size_t steps, double loss)
{
    run *r = context;
    char note[48];
    snprintf(note, sizeof note, "loss %.4f", loss);
    r->progress.total = steps;
    vc_progress_update(&r->progress, step, note);
}

static int is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

static vc_status try_log(const char *path)
{
    int there = access(path, F_OK) == 0;
    FILE *log = fopen(path, "a");
    if (!log)
        return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
    fclose(log);
    if (!there)
        unlink(path);
    return VC_OK;
}

/* The log is opened for its first line, so that a run that never starts leaves an old one alone. */
static vc_status write_line(run *r, const json_t *line)
{
    const char *path = r->options->log;
    if (!path)
        return VC_OK;
    if (!r->log)
        r->log = fopen(path, r->options->resume ? "a" : "w");
    if (!r->log || json_dumpf(line, r->log, JSON_COMPACT | JSON_REAL_PRECISION(10)) != 0 ||
        fputc('\n', r->log) == EOF || fflush(r->log) != 0)
        return vc_fail(VC_EIO, "%s: cannot write: %s", path, strerror(errno));
    return VC_OK;
}

static vc_status on_epoch(void *context, const vc_epoch_report *report)
{
    run *r = context;
    json_t *line = epoch_json(report);
    vc_status status = write_line(r, line);
    json_array_append_new(r->epochs, line);
    if (r->json || status != VC_OK)
        return status;
    vc_progress_end(&r->progress);
    printf("epoch %zu/%zu  loss %.4f  train top-1 %.2f %%", report->epoch, report->epochs,
           report->loss, report->train_top1);
    if (report->tested)
        printf("  test top-1 %.2f %%",
               100.0 * (double)report->test.top1 / (double)report->test.images);
    printf("  lr %.2e  %.0f images/s\n", report->learning_rate, report->images_per_second);
    fflush(stdout);
    return VC_OK;
}

static vc_status make_model(vc_model **out, const train_options *o, const vc_dataset *data,
                            size_t seed)
{
    if (o->model.path)
        return cli_open_model(out, &o->model, CLI_TRAIN);
    vc_deit_config config = o->config;
    config.image = data->height;
    config.channels = data->channels;
    config.classes = data->classes;
    config.heads = o->model.heads ? o->model.heads : config.heads;
    vc_dataset_statistics(config.mean, config.std, data);
    return vc_deit_create(out, &config, seed);
}

static vc_status train_and_write(run *r, vc_model *model, const vc_train_options *how,
                                 vc_source *data, vc_source *test, const char *checkpoint)
{
    const train_options *o = r->options;
    const vc_train_hooks hooks = {.on_step = on_step, .on_epoch = on_epoch, .context = r};
    VC_TRY(cli_try_output(o->output));
    if (checkpoint)
        VC_TRY(cli_try_output(checkpoint));
    if (o->log)
        VC_TRY(try_log(o->log));
    r->progress = vc_progress_begin("training", 1);
    vc_status status = vc_train(model, data, test, how, checkpoint, o->resume, &hooks);
    vc_progress_end(&r->progress);
    if (r->log)
        fclose(r->log);
    VC_TRY(status);
    VC_TRY(vc_model_write(o->output, model));
    if (checkpoint && !o->checkpoint) /* ours, and no longer needed */
        unlink(checkpoint);
    return VC_OK;
}

/* A model that is made here takes its shape from images in memory. */
static vc_status open_set(vc_source **out, const train_options *o, const char *split)
{
    const vc_source_options how = {.split = split, .labelled = 1};
    VC_TRY(vc_source_open(out, o->data, &how));
    if (o->model.path || vc_source_dataset(*out))
        return VC_OK;
    vc_source_close(*out);
    *out = NULL;
    return vc_fail(VC_EUNSUPPORTED, "%s: encoded images want a model to start from (--init)",
                   o->data);
}

static vc_status open_and_train(run *r, size_t seed)
{
    const train_options *o = r->options;
    char own_checkpoint[4096];
    snprintf(own_checkpoint, sizeof own_checkpoint, "%s.checkpoint", o->output);
    const char *checkpoint = o->checkpoint ? o->checkpoint : own_checkpoint;
    if (!o->checkpoint && is_special(o->output)) /* nothing belongs beside a device */
        checkpoint = NULL;
    vc_source *data, *test = NULL;
    vc_model *model = NULL, *teacher = NULL;
    VC_TRY(open_set(&data, o, "train"));
    vc_status status = o->test ? open_set(&test, o, "test") : VC_OK;
    if (status == VC_OK)
        status = make_model(&model, o, vc_source_dataset(data), seed);
    if (status == VC_OK && o->teacher) {
        const cli_model_options plain = {.path = o->teacher, .heads = o->teacher_heads};
        status = cli_open_model(&teacher, &plain, CLI_RUN);
    }
    vc_train_options how = o->train;
    how.teacher = teacher;
    if (status == VC_OK)
        status = train_and_write(r, model, &how, data, test, checkpoint);
    vc_model_close(teacher);
    vc_model_close(model);
    vc_source_close(test);
    vc_source_close(data);
    return status;
}

/* What was not asked for gives way to a low --lr; what was asked for is checked. */
static void set_learning_rates(vc_train_options *o, double lowest, double first)
{
    o->min_learning_rate = isnan(lowest) ? fmin(o->min_learning_rate, o->learning_rate) : lowest;
    o->warmup_learning_rate =
        isnan(first) ? fmin(o->warmup_learning_rate, o->learning_rate) : first;
}

static void set_default_sizes(vc_deit_config *c)
{
    const vc_deit_config tiny = vc_deit_config_default();
    c->patch = c->patch ? c->patch : 2;
    c->width = c->width ? c->width : tiny.width;
    c->depth = c->depth ? c->depth : tiny.depth;
    c->heads = tiny.heads;
    c->hidden = c->hidden ? c->hidden : 4 * c->width;
}

static int run_train(const cli_command *command, int argc, char **argv)
{
    train_options o = {.test = 1, .flip = 1, .train = vc_train_options_default()};
    double distill = NAN, temperature = NAN, min_lr = NAN, warmup_lr = NAN;
    const cli_option options[] = {
        {"data", "DIR",
         "training (and test) images: IDX or CIFAR files; with --init also class folders or a tar",
         CLI_TEXT, &o.data},
        {"output", "FILE", "the trained model (safetensors)", CLI_TEXT, &o.output},
        {"init", "MODEL", "start from this model instead of random weights", CLI_TEXT,
         &o.model.path},
        CLI_MODEL_OPTIONS(o.model),
        {"patch", "N", "pixels along a patch's side (default 2)", CLI_COUNT, &o.config.patch},
        {"width", "N", "values per token (default 192)", CLI_COUNT, &o.config.width},
        {"depth", "N", "blocks (default 12)", CLI_COUNT, &o.config.depth},
        {"hidden", "N", "values inside the MLP (default 4 x width)", CLI_COUNT, &o.config.hidden},
        {"distilled", NULL, "a second token and head, logits averaged", CLI_FLAG,
         &o.config.distilled},
        {"epochs", "N", "passes over the images (default 10)", CLI_COUNT, &o.train.epochs},
        {"batch", "N", "images per step (default 64)", CLI_COUNT, &o.train.batch},
        {"limit", "N", "images per epoch (default: all)", CLI_COUNT, &o.train.limit},
        {"lr", "X", "highest learning rate (default 1e-3)", CLI_NUMBER, &o.train.learning_rate},
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
        {"shift", "N", "largest random shift in pixels (default 2)", CLI_COUNT,
         &o.train.augment.shift},
        {"no-flip", NULL, "do not mirror images", CLI_OFF, &o.flip},
        {"no-test", NULL, "skip the test images after each epoch", CLI_OFF, &o.test},
        {"log", "FILE", "one JSON line per epoch", CLI_TEXT, &o.log},
        {"checkpoint", "FILE", "where training can be resumed from (default OUTPUT.checkpoint)",
         CLI_TEXT, &o.checkpoint},
        {"save-every", "N", "steps between checkpoints within an epoch", CLI_COUNT,
         &o.train.save_every},
        {"resume", NULL, "go on from the checkpoint", CLI_FLAG, &o.resume},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 0, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (!o.data || !o.output)
        return cli_usage(command, "%s is missing", o.data ? "-o FILE" : "--data DIR");
    if (o.train.epochs == 0)
        return cli_usage(command, "--epochs must be above 0");
    if (!o.model.path &&
        (o.model.autoencoder || o.model.mask || o.model.plan || o.model.image_size))
        return cli_usage(command, "--autoencoder, --mask, --plan and --image-size need a model: "
                                  "--init MODEL");
    status = cli_check_model_options(command, &o.model);
    if (status != CLI_CONTINUE)
        return status;
    if (o.resume && !o.checkpoint && is_special(o.output))
        return cli_usage(command, "--resume wants a --checkpoint when -o is no regular file");
    status = cli_check_batch(command, o.train.batch);
    if (status != CLI_CONTINUE)
        return status;
    const vc_deit_config *c = &o.config;
    if (o.model.path && (c->patch || c->width || c->depth || c->hidden || c->distilled))
        return cli_usage(command,
                         "--init brings its own sizes: leave out --patch, --width, --depth, "
                         "--hidden and --distilled");
    if (!o.teacher && (!isnan(distill) || !isnan(temperature) || o.teacher_heads))
        return cli_usage(command, "--distill, --temperature and --teacher-heads need a --teacher");
    o.train.distillation = isnan(distill) ? o.train.distillation : distill;
    o.train.temperature = isnan(temperature) ? o.train.temperature : temperature;
    set_learning_rates(&o.train, min_lr, warmup_lr);
    set_default_sizes(&o.config);
    o.train.augment.flip = o.flip ? o.train.augment.flip : 0.0;
    o.train.seed = common.seed;
    run r = {.options = &o, .json = common.json, .epochs = json_array()};
    int code = CLI_OK;
    if (open_and_train(&r, common.seed) != VC_OK) {
        json_decref(r.epochs);
        return cli_fail();
    }
    if (common.json) {
        json_t *result = cli_result(command, &common);
        json_object_set_new(result, "model", cli_text(o.output));
        json_object_set(result, "epochs", r.epochs);
        code = cli_print_json(result);
    }
    json_decref(r.epochs);
    return code;
}

const cli_command cmd_train = {
    "train", "train or finetune a DeiT", "--data DIR -o FILE [options]",
    "Trains a DeiT from random weights, or finetunes one (--init), dense, under a mask or on a\n"
    "plan, with or without ViTCoD's auto-encoder; plan and auto-encoder go into the file that is written.\n"
    "AdamW, linear warm-up, cosine schedule, label smoothing, random shift and flip, soft distillation\n"
    "from a --teacher. A run that was stopped goes on with --resume and ends with the same bits.",
    run_train};
