#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "open_data.h"
#include "open_model.h"
#include "open_plan.h"
#include "vitcod/attention_stats.h"
#include "vitcod/clock.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"

typedef struct calibrate_options {
    cli_model_options model;
    cli_data_options data;
    const char *rule, *output, *plan, *checkpoint;
    double sparsity, hold_back;
    size_t threshold, patience;
    int resume;
    vc_train_options train;
} calibrate_options;

/* Images in memory: those to learn from, and those held back. */
typedef struct images {
    vc_dataset all, learn, held;
} images;

typedef struct run {
    const calibrate_options *options;
    vc_model *student;
    float *best;           /* its parameters when they agreed most */
    double before, agreed; /* shares of the held-back images */
    size_t best_epoch, epochs;
    int stop, json;
    vc_progress progress;
    json_t *log;
} run;

/* ---- images */

/* Every n-th image is held back, so that all classes are on both sides. */
static vc_status split_images(images *s, double hold_back)
{
    const size_t values = s->all.channels * s->all.height * s->all.width,
                 every = (size_t)lround(1.0 / hold_back);
    vc_dataset *sides[2] = {&s->learn, &s->held};
    for (int side = 0; side < 2; side++) {
        *sides[side] = s->all;
        sides[side]->path = NULL;
        sides[side]->count = 0;
        sides[side]->images = malloc(s->all.count * values);
        sides[side]->labels = malloc(s->all.count * sizeof(int32_t));
        if (!sides[side]->images || !sides[side]->labels)
            return vc_fail(VC_ENOMEM, "out of memory for %zu images", s->all.count);
    }
    for (size_t i = 0; i < s->all.count; i++) {
        vc_dataset *to = sides[i % every == every - 1];
        memcpy(to->images + to->count * values, s->all.images + i * values, values);
        to->labels[to->count++] = s->all.labels[i];
    }
    vc_dataset_close(&s->all);
    return VC_OK;
}

static vc_status open_images(images *out, json_t *result, const calibrate_options *o,
                             const vc_model *model)
{
    vc_source *source;
    cli_broken_images broken = {json_array(), NULL};
    *out = (images){0};
    VC_TRY(cli_open_source(&source, &o->data, 0));
    vc_loader_options how = vc_model_loader_options(model);
    how.crop_fraction = o->data.crop_fraction;
    how.batch = 32;
    how.limit = o->data.limit;
    how.on_broken = cli_on_broken;
    how.context = &broken;
    vc_status status = vc_dataset_decode(&out->all, source, &how);
    vc_source_close(source);
    json_object_set_new(result, "broken", broken.names);
    VC_TRY(status);
    if (out->all.count < 2 * o->train.batch)
        return vc_fail(VC_EINVAL, "%s: %zu images, wanted at least two batches of %zu",
                       o->data.path, out->all.count, o->train.batch);
    return split_images(out, o->hold_back);
}

static void close_images(images *s)
{
    vc_dataset_close(&s->all);
    vc_dataset_close(&s->learn);
    vc_dataset_close(&s->held);
}

/* ---- what the dense model makes of them: classes, and attention */

typedef struct look {
    const vc_model *model;
    vc_acts acts;
    vc_attention_stats *stats; /* NULL: classes alone */
    float *norms, *scores;     /* of a batch, for rule `budget`; NULL: scores are attention */
    float *x;
    int32_t *y;
    uint32_t *order;
} look;

/* `budget`: what is averaged is attention times the norm of the projected value. */
static vc_status open_look(look *l, const vc_model *model, size_t batch, size_t most, int budget)
{
    const vc_model_input input = vc_model_input_of(&model->config), *c = &input;
    const vc_attention_layer a = vc_model_layer(&model->config, 0);
    *l = (look){.model = model};
    l->x = malloc(batch * c->channels * c->image * c->image * sizeof *l->x);
    l->y = malloc(batch * sizeof *l->y);
    l->order = malloc((most + 1) * sizeof *l->order);
    if (budget) {
        l->norms = malloc(batch * a.heads * a.keys * sizeof *l->norms);
        l->scores = malloc(batch * a.heads * a.queries * a.keys * sizeof *l->scores);
    }
    if (!l->x || !l->y || !l->order || (budget && (!l->norms || !l->scores)))
        return vc_fail(VC_ENOMEM, "out of memory for batches");
    for (size_t i = 0; i < most; i++)
        l->order[i] = (uint32_t)i;
    return vc_acts_open(&l->acts, model, batch, 1);
}

static void close_look(look *l)
{
    vc_acts_close(&l->acts);
    free(l->norms);
    free(l->scores);
    free(l->x);
    free(l->y);
    free(l->order);
}

/* One layer's softmax of the batch, weighed where that is asked for. */
static vc_status add_layer(look *l, size_t layer, size_t batch)
{
    const vc_attention_layer a = vc_model_layer(&l->model->config, layer);
    const float *probs = l->acts.deit.layers[layer].probs;
    if (l->scores) {
        VC_TRY(vc_model_value_norms(l->norms, &l->acts, l->model, layer, batch));
        for (size_t r = 0; r < batch * a.heads * a.queries; r++)
            for (size_t k = 0; k < a.keys; k++)
                l->scores[r * a.keys + k] =
                    probs[r * a.keys + k] * l->norms[r / a.queries * a.keys + k];
        probs = l->scores;
    }
    vc_attention_stats_add(l->stats, layer, probs, batch);
    return VC_OK;
}

static int32_t top_class(const float *logits, size_t classes)
{
    size_t top = 0;
    for (size_t c = 1; c < classes; c++)
        top = logits[c] > logits[top] ? c : top;
    return (int32_t)top;
}

static vc_status look_at(look *l, vc_dataset *data, const char *label, vc_attention_stats *stats)
{
    const size_t classes = vc_model_input_of(&l->model->config).classes;
    const vc_batch_options plain = vc_model_batch_options(l->model);
    vc_progress progress = vc_progress_begin(label, data->count);
    vc_status status = VC_OK;
    l->stats = stats;
    for (size_t done = 0; done < data->count && status == VC_OK; done += l->acts.batch) {
        const size_t left = data->count - done, n = left < l->acts.batch ? left : l->acts.batch;
        vc_batch_load(l->x, l->y, data, l->order + done, n, &plain);
        vc_model_forward(&l->acts, l->model, l->x, n, NULL);
        for (size_t layer = 0; stats && layer < stats->layers && status == VC_OK; layer++)
            status = add_layer(l, layer, n);
        for (size_t i = 0; i < n; i++)
            data->labels[done + i] = top_class(l->acts.logits + i * classes, classes);
        vc_progress_update(&progress, done + n, NULL);
    }
    vc_progress_end(&progress);
    data->classes = classes;
    return status;
}

/* To at most 1, as attention has it. */
static void normalise(float *maps, size_t count)
{
    float highest = 0.0f;
    for (size_t i = 0; i < count; i++)
        highest = maps[i] > highest ? maps[i] : highest;
    for (size_t i = 0; i < count && highest > 0.0f; i++)
        maps[i] /= highest;
}

static int is_budget(const calibrate_options *o)
{
    return strcmp(o->rule, "budget") == 0;
}

static vc_status prune_mean(vc_plan *out, json_t *result, const vc_attention_stats *stats,
                            const calibrate_options *o)
{
    const size_t count = stats->layers * stats->heads * stats->queries * stats->keys;
    float *mean = malloc(count * sizeof *mean);
    if (!mean)
        return vc_fail(VC_ENOMEM, "out of memory for %zu attention values", count);
    vc_attention_stats_mean(mean, stats);
    if (is_budget(o)) /* one threshold for all layers and heads */
        normalise(mean, count);
    const vc_maps maps = {stats->layers, stats->heads, stats->queries, stats->keys, mean};
    vc_prune_options how = vc_prune_options_default();
    vc_prune_report report;
    vc_mask mask;
    how.rule = is_budget(o) ? "threshold" : o->rule;
    how.sparsity = o->sparsity;
    vc_status status = vc_prune(&mask, &report, &maps, &how, o->model.path);
    free(mean);
    VC_TRY(status);
    status = vc_polarize(out, &mask, o->threshold, o->model.path);
    vc_mask_close(&mask);
    json_object_set_new(result, "sparsity", json_real(report.sparsity));
    return status;
}

static vc_status look_and_prune(vc_plan *plan, json_t *result, images *s, const vc_model *teacher,
                                const calibrate_options *o)
{
    const vc_attention_layer layer = vc_model_layer(&teacher->config, 0);
    vc_attention_stats stats;
    look l;
    VC_TRY(vc_attention_stats_open(&stats, vc_model_layers(&teacher->config), layer.heads,
                                   layer.queries, layer.keys));
    vc_status status =
        open_look(&l, teacher, o->train.batch, s->learn.count + s->held.count, is_budget(o));
    if (status == VC_OK)
        status = look_at(&l, &s->learn, "attention", &stats);
    if (status == VC_OK)
        status = look_at(&l, &s->held, "held back", NULL);
    if (status == VC_OK)
        status = prune_mean(plan, result, &stats, o);
    close_look(&l);
    vc_attention_stats_close(&stats);
    return status;
}

/* ---- agreement with the dense model */

static vc_status agreement(double *out, const vc_model *model, const vc_dataset *held, size_t batch)
{
    vc_acts acts;
    vc_source *source;
    vc_evaluation e;
    const vc_evaluate_options plain = vc_evaluate_options_default();
    VC_TRY(vc_acts_open(&acts, model, batch, 0));
    vc_status status = vc_source_of_dataset(&source, held);
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    if (status == VC_OK)
        status = vc_evaluate(&e, model, source, &runner, &plain);
    if (status == VC_OK)
        *out = (double)e.top1 / (double)e.images;
    vc_source_close(source);
    vc_acts_close(&acts);
    return status;
}

/* ---- learning */

static void on_step(void *context, size_t step, size_t steps, double loss)
{
    run *r = context;
    char note[64];
    (void)loss;
    snprintf(note, sizeof note, "best agreement %.1f %%", 100.0 * r->agreed);
    r->progress.total = steps;
    vc_progress_update(&r->progress, step, note);
}

static vc_status on_epoch(void *context, const vc_epoch_report *report)
{
    run *r = context;
    const calibrate_options *o = r->options;
    const double agreed = (double)report->test.top1 / (double)report->test.images;
    r->epochs = report->epoch;
    json_array_append_new(
        r->log, json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "epoch", (json_int_t)report->epoch,
                          "agreement", agreed, "distillation_loss", report->distillation,
                          "feature_distance", report->features, "learning_rate",
                          report->learning_rate, "images_per_s", report->images_per_second));
    if (agreed > r->agreed) {
        r->agreed = agreed;
        r->best_epoch = report->epoch;
        memcpy(r->best, r->student->values, r->student->value_count * sizeof *r->best);
        VC_TRY(vc_model_write(o->output, r->student));
    }
    r->stop = o->patience > 0 && report->epoch >= r->best_epoch + o->patience;
    if (r->json)
        return VC_OK;
    vc_progress_end(&r->progress);
    printf("epoch %zu/%zu  agreement %.1f %%  best %.1f %%  features %.4f  %.1f images/s\n",
           report->epoch, report->epochs, 100.0 * agreed, 100.0 * r->agreed, report->features,
           report->images_per_second);
    fflush(stdout);
    return VC_OK;
}

/* Going on: what was best so far lies where the result goes. */
static vc_status read_best(run *r, const vc_plan *plan, const vc_dataset *held)
{
    const calibrate_options *o = r->options;
    const cli_model_options how = {.path = o->output, .heads = o->model.heads};
    vc_model *best;
    double agreed = 0.0;
    if (access(o->output, F_OK) != 0)
        return VC_OK;
    VC_TRY(cli_open_model(&best, &how, CLI_TRAIN));
    vc_status status = vc_model_use_plan(best, plan, o->output);
    if (status == VC_OK && best->value_count != r->student->value_count)
        status = vc_fail(VC_EINVAL, "%s: is of another model", o->output);
    if (status == VC_OK)
        status = agreement(&agreed, best, held, o->train.batch);
    if (status == VC_OK && agreed > r->agreed) {
        r->agreed = agreed;
        memcpy(r->best, best->values, best->value_count * sizeof *r->best);
    }
    vc_model_close(best);
    return status;
}

static vc_status learn(run *r, const images *s, const vc_model *teacher, const vc_plan *plan)
{
    const calibrate_options *o = r->options;
    char own[4096];
    if ((size_t)snprintf(own, sizeof own, "%s.checkpoint", o->output) >= sizeof own)
        return vc_fail(VC_EINVAL, "%s: the path is too long", o->output);
    const char *checkpoint = o->checkpoint ? o->checkpoint : own;
    vc_train_options how = o->train;
    const vc_train_hooks hooks = {
        .on_step = on_step, .on_epoch = on_epoch, .context = r, .stop = &r->stop};
    how.teacher = teacher;
    VC_TRY(vc_model_use_plan(r->student, plan, o->model.path));
    VC_TRY(agreement(&r->before, r->student, &s->held, o->train.batch));
    r->agreed = r->before;
    memcpy(r->best, r->student->values, r->student->value_count * sizeof *r->best);
    if (o->resume)
        VC_TRY(read_best(r, plan, &s->held));
    if (!r->json)
        printf("agreement with the dense model on %zu images held back: %.1f %% after pruning\n",
               s->held.count, 100.0 * r->before);
    fflush(stdout);
    r->progress = vc_progress_begin("calibrating", 1);
    const vc_status status =
        vc_train(r->student, &s->learn, &s->held, &how, checkpoint, o->resume, &hooks);
    vc_progress_end(&r->progress);
    VC_TRY(status);
    memcpy(r->student->values, r->best, r->student->value_count * sizeof *r->best);
    VC_TRY(vc_model_write(o->output, r->student));
    if (!o->checkpoint)
        unlink(checkpoint);
    return VC_OK;
}

static vc_status calibrate(json_t *result, run *r, images *s, vc_model *teacher)
{
    const calibrate_options *o = r->options;
    const double start = vc_clock_seconds();
    vc_plan plan = {0};
    VC_TRY(open_images(s, result, o, teacher));
    vc_status status = look_and_prune(&plan, result, s, teacher, o);
    if (status == VC_OK)
        status = o->plan ? vc_plan_write(o->plan, &plan) : VC_OK;
    r->best = malloc(r->student->value_count * sizeof *r->best);
    if (status == VC_OK && !r->best)
        status = vc_fail(VC_ENOMEM, "out of memory for the best parameters");
    if (status == VC_OK)
        status = learn(r, s, teacher, &plan);
    json_object_update_new(
        result, json_pack("{s:I, s:I, s:f, s:f, s:I, s:I, s:f, s:o, s:O}", "images",
                          (json_int_t)s->learn.count, "held_back", (json_int_t)s->held.count,
                          "agreement_before", r->before, "agreement", r->agreed, "epochs",
                          (json_int_t)r->epochs, "best_epoch", (json_int_t)r->best_epoch, "seconds",
                          vc_clock_seconds() - start, "model", cli_text(o->output), "log", r->log));
    if (o->plan)
        json_object_set_new(result, "plan", cli_text(o->plan));
    if (status == VC_OK)
        cli_add_plan_hash(result, &plan);
    free(r->best);
    vc_plan_close(&plan);
    return status;
}

static vc_status open_and_calibrate(json_t *result, const calibrate_options *o, int json)
{
    run r = {.options = o, .json = json, .log = json_array()};
    images s = {0};
    vc_model *teacher = NULL;
    cli_model_options dense = o->model;
    dense.autoencoder = NULL;
    VC_TRY(cli_try_output(o->output));
    if (o->plan)
        VC_TRY(cli_try_output(o->plan));
    vc_status status = cli_open_without_plan(&teacher, result, &dense, CLI_RUN);
    if (status == VC_OK)
        status = cli_open_without_plan(&r.student, result, &o->model, CLI_TRAIN);
    if (status == VC_OK && !json)
        cli_print_without_plan(result);
    if (status == VC_OK && r.student->config.architecture != VC_DEIT)
        status = vc_fail(VC_EUNSUPPORTED, "%s: a %s cannot be trained, wanted a deit",
                         o->model.path, vc_architecture_name(r.student->config.architecture));
    if (status == VC_OK)
        status = calibrate(result, &r, &s, teacher);
    close_images(&s);
    json_decref(r.log);
    vc_model_close(r.student);
    vc_model_close(teacher);
    return status;
}

static void print_text(const json_t *result)
{
    printf("%s, its plan inside: agreement %.1f %% (%.1f %% after pruning), epoch %lld, %.0f s\n",
           json_string_value(json_object_get(result, "model")),
           100.0 * json_real_value(json_object_get(result, "agreement")),
           100.0 * json_real_value(json_object_get(result, "agreement_before")),
           (long long)json_integer_value(json_object_get(result, "best_epoch")),
           json_real_value(json_object_get(result, "seconds")));
}

/* ---- arguments */

static vc_train_options defaults(void)
{
    vc_train_options o = vc_train_options_default();
    o.epochs = 20;
    o.batch = 16;
    o.learning_rate = 5e-5; /* 2e-4 forgets faster than it learns */
    o.weight_decay = 0.0;
    o.min_learning_rate = 0.0;
    o.warmup_epochs = 1.0;
    o.distillation = 1.0; /* there are no labels */
    o.features = 1.0;
    o.label_smoothing = 0.0;
    o.augmentation.crop = 0.25;
    return o;
}

static int check(const cli_command *command, const calibrate_options *o)
{
    if (!o->data.path || !o->output)
        return cli_usage(command, "wanted --data PATH and -o MODEL");
    if (!(o->sparsity >= 0.0 && o->sparsity < 1.0))
        return cli_usage(command, "--sparsity is %g, wanted 0 to less than 1", o->sparsity);
    if (!(o->hold_back >= 0.01 && o->hold_back <= 0.5))
        return cli_usage(command, "--hold-back is %g, wanted 0.01 to 0.5", o->hold_back);
    if (!(o->train.augmentation.crop > 0.0 && o->train.augmentation.crop <= 1.0))
        return cli_usage(command, "--crop is %g, wanted more than 0, up to 1",
                         o->train.augmentation.crop);
    if (o->model.mask || o->model.plan)
        return cli_usage(command, "--mask and --plan are what calibrate makes itself");
    return cli_check_batch(command, o->train.batch);
}

static int run_calibrate(const cli_command *command, int argc, char **argv)
{
    calibrate_options o = {.data = cli_data_options_default("train"),
                           .rule = "budget",
                           .sparsity = 0.9,
                           .hold_back = 0.2,
                           .threshold = 50,
                           .patience = 6,
                           .train = defaults()};
    const cli_option options[] = {
        {"data", "PATH", "images, which need no labels: a folder, a tar, IDX or CIFAR files",
         CLI_TEXT, &o.data.path},
        {"limit", "N", "only the first N images, 0 for all", CLI_COUNT, &o.data.limit},
        {"output", "FILE", "the model that was best on the images held back, its plan inside",
         CLI_TEXT, &o.output},
        {"plan-output", "FILE", "write the plan into a file of its own as well", CLI_TEXT, &o.plan},
        {"sparsity", "X", "share of the scores that is pruned (default 0.9)", CLI_NUMBER,
         &o.sparsity},
        {"rule", "NAME", "budget (default, see above), or as `vitcod prune --rule`", CLI_TEXT,
         &o.rule},
        {"threshold", "N", "a column that keeps more is global (default 50)", CLI_COUNT,
         &o.threshold},
        {"autoencoder", "FILE", "with this auto-encoder of Q and K (`vitcod autoencoder`)",
         CLI_TEXT, &o.model.autoencoder},
        {"heads", "N", "attention heads, where the file does not say", CLI_COUNT, &o.model.heads},
        {"epochs", "N", "passes over the images (default 20)", CLI_COUNT, &o.train.epochs},
        {"patience", "N", "stop after so many epochs without a better one, 0: never (default 6)",
         CLI_COUNT, &o.patience},
        {"batch", "N", "images per step (default 16)", CLI_COUNT, &o.train.batch},
        {"lr", "X", "highest learning rate (default 5e-5)", CLI_NUMBER, &o.train.learning_rate},
        {"feature-weight", "X", "of the distance from the dense model's blocks (default 1)",
         CLI_NUMBER, &o.train.features},
        {"temperature", "X", "of both models' logits (default 1)", CLI_NUMBER,
         &o.train.temperature},
        {"weight-decay", "X", "of matrices, as in AdamW (default 0)", CLI_NUMBER,
         &o.train.weight_decay},
        {"crop", "X", "random resized crops of this share of the area or more (default 0.25)",
         CLI_NUMBER, &o.train.augmentation.crop},
        {"hold-back", "X", "share of the images kept to judge by (default 0.2)", CLI_NUMBER,
         &o.hold_back},
        {"checkpoint", "FILE", "where to go on from (default: beside -o)", CLI_TEXT, &o.checkpoint},
        {"resume", NULL, "go on from the checkpoint of a run that was stopped", CLI_FLAG,
         &o.resume},
    };
    cli_common common = {0};
    cli_arguments arguments;
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           1, 1, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    o.model.path = arguments.positional[0];
    o.train.seed = common.seed;
    o.train.warmup_learning_rate = fmin(o.train.warmup_learning_rate, o.train.learning_rate);
    o.train.warmup_epochs = fmin(o.train.warmup_epochs, (double)o.train.epochs);
    status = check(command, &o);
    if (status != CLI_CONTINUE)
        return status;
    json_t *result = cli_result(command, &common);
    return cli_finish(result, open_and_calibrate(result, &o, common.json), common.json, print_text);
}

const cli_command cmd_calibrate = {
    "calibrate", "prune a model and let it learn from its dense self, without labels",
    "MODEL --data IMAGES --sparsity X -o MODEL",
    "Averages attention over the images, prunes it to a mask, polarizes, and trains the sparse model on\n"
    "what the dense one makes of the images: its blocks' outputs and its logits. A share of the images is\n"
    "held back; the result is the model that agrees most with the dense one on them. Rule budget spends the\n"
    "kept scores over all layers and heads by attention times the norm of the projected value. A plan inside\n"
    "MODEL is left out. What is written runs on its plan wherever a MODEL is wanted.",
    run_calibrate};
