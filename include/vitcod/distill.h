/* Distillation without labels: from a dense model and images to a sparse model that gives the same
 * answers. The averaged attention of the dense model decides what is pruned. Then the sparse model
 * learns the outputs of the dense one, and images that are held back show how often both give the
 * same class. The verb `calibrate` does this (docs/calibration.md). */
#ifndef VITCOD_DISTILL_H
#define VITCOD_DISTILL_H

#include "vitcod/attention_stats.h"
#include "vitcod/group_files.h"
#include "vitcod/judge.h"
#include "vitcod/plan.h"
#include "vitcod/prune_result.h"
#include "vitcod/record.h"
#include "vitcod/statistics.h"
#include "vitcod/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- averaged attention of the dense model */

/* Means over images, one array for each group of layers. */
typedef struct vc_dense_stats {
    const vc_model *model;
    size_t groups;
    vc_attention_stats attention[VC_MOST_GROUPS]; /* the softmax */
    /* With `weighed`: the softmax times the norm of the projected value; with `centred`, of the
     * value minus the mean of the values. */
    vc_attention_stats scores[VC_MOST_GROUPS];
    int weighed, centred;
    float *norms, *products; /* of a batch */
    vc_summary_kinds kinds;
    double *queries; /* of all layers (H, D): sums over images and tokens, or NULL */
    uint64_t query_images;
    vc_status status; /* the first failure of the tap */
    vc_turns turns;   /* of processes that look together (comm.h) */
} vc_dense_stats;

/* Allocates statistics for batches of at most `batch` images. */
vc_status vc_dense_stats_open(vc_dense_stats *out, const vc_model *model, size_t batch, int weighed,
                              int centred);
void vc_dense_stats_close(vc_dense_stats *stats);

/* Averages the queries of all heads over the tokens of the image and over `images` images that are
 * spread over the source: what a queried pooling is done by. */
vc_status vc_dense_stats_query(vc_dense_stats *stats, vc_source *source, size_t images,
                               const vc_look *how);
/* Makes room for statistics of summaries: those of each of `count` grids in all layers that have as
 * many tokens. To be called once, before images are looked at. VC_EINVAL for too many grids, and
 * for queried ones without vc_dense_stats_query before. */
vc_status vc_dense_stats_summarize(vc_dense_stats *stats, const vc_summary_grid *grids,
                                   size_t count);
/* A tap that adds the attention of forward passes of stats->model. Check `status` afterwards. */
vc_tap vc_dense_stats_tap(vc_dense_stats *stats);
/* After processes have looked at images together, by stats->turns: all get the sums that one alone
 * would have. vc_dense_look does it itself. */
vc_status vc_dense_stats_share(vc_dense_stats *stats);
/* The sink of a vc_maps_pass (engine_pass.h): adds maps to stats->attention; `stats` is a
 * vc_dense_stats. */
void vc_dense_stats_add_maps(void *stats, size_t layer, const float *maps, size_t images);
/* Writes the means as npy files, one for each group of layers (see group_files.h). `scores` is NULL
 * if they are not wanted or not weighed. */
vc_status vc_dense_stats_write(const vc_dense_stats *stats, const char *maps, const char *scores);
/* The means, and what was averaged of summaries, which the statistics have no longer. */
vc_status vc_dense_stats_finish(vc_statistics *out, vc_dense_stats *stats, const vc_seen *seen);

/* Runs the model over the images and adds to the statistics, which may be NULL. */
vc_status vc_dense_look(vc_dense_stats *stats, vc_seen *out, const vc_model *model,
                        vc_source *source, const vc_look *how);
/* Adds images as the model takes them, batch by batch, of which each process takes its own;
 * vc_dense_stats_share comes after it. */
vc_status vc_dense_look_at_array(vc_dense_stats *stats, const float *images, size_t count,
                                 size_t batch);

/* ---- what is pruned */

typedef struct vc_plan_recipe {
    /* A rule of vc_prune_options, or "budget": one threshold, over all layers and heads, on
     * attention times the norm of the projected value (vc_model_value_norms), which is how much an
     * entry can change the output of the block. With a residual the value minus the mean of the
     * values is taken. */
    const char *rule;
    double sparsity;
    size_t threshold; /* of polarization */
    int residual;     /* the plan gets kept shares (kept_share.h) */
    /* The plan gets these summaries (vc_summary_grids_parse), whose scores count against the
     * sparsity; NULL: none; "auto": those of each layer are chosen by the curves of its heads,
     * which is for rule measured. Not together with `residual`. */
    const char *summaries;
    const char *curves;  /* where the curves of heads are written, or NULL */
    size_t curve_images; /* on so many images they are measured; 0: VC_CURVE_IMAGES */
    size_t images; /* attention is averaged over so many of the source, spread evenly; 0: all */
} vc_plan_recipe;

/* Beside the rules of vc_prune: the budget is shared out to the heads by the curves of what their
 * sparsity costs (head_curves.h); within a head entries are kept by averaged attention. */
#define VC_RULE_MEASURED "measured"
#define VC_SUMMARIES_AUTO "auto"
enum { VC_CURVE_IMAGES = 256, VC_QUERY_IMAGES = 64, VC_STATISTICS_IMAGES = 1000 };
/* Fills in what is NULL: rule, summaries and the word of *residual, "mean" or "none". Summaries are
 * the default, and rule measured with them; with a residual or another rule there are none.
 * VC_EINVAL for what excludes each other. A recipe without summaries has them NULL afterwards. */
vc_status vc_plan_recipe_settle(vc_plan_recipe *recipe, const char **residual);
int vc_plan_recipe_measures(const vc_plan_recipe *recipe); /* wants the curves of heads */

int vc_plan_recipe_weighs(const vc_plan_recipe *recipe); /* wants weighed statistics */

/* Prepares statistics for the recipe's summaries; for queried ones it looks at some images. */
vc_status vc_plan_recipe_summarize(vc_dense_stats *stats, const vc_plan_recipe *recipe,
                                   vc_source *source, const vc_look *how);

/* Where statistics are kept while heads are measured, so that a run that was stopped goes on. */
typedef struct vc_statistics_keep {
    const char *path;       /* NULL: nowhere */
    const json_t *settings; /* all that they depend on */
    int resume;             /* 1: goes on from what is there, with the same settings */
    double seconds;         /* between two writings */
} vc_statistics_keep;

/* Measures the curves of all heads, for all kinds of summaries in the statistics, on
 * `statistics->curve_images` images of `source` that are spread evenly; the batches that they have
 * been measured on are passed over. `model` is that of the statistics, dense, with parameters that
 * can be trained. `keep` may be NULL. VC_EUNSUPPORTED for a model with BatchNorm
 * (vc_model_observes_apart), which vc_measure_heads_check tells before. */
vc_status vc_measure_heads_check(const vc_model *model);
vc_status vc_measure_heads(vc_statistics *statistics, const vc_model *model, vc_source *source,
                           const vc_statistics_keep *keep, const vc_look *how);

/* Averages the model's attention over the images (or recipe->images of them) and measures what the
 * recipe wants. `how->progress` is shown while it averages. */
vc_status vc_statistics_gather(vc_statistics *out, const vc_model *model, vc_source *source,
                               const vc_plan_recipe *recipe, const vc_statistics_keep *keep,
                               const vc_look *how);
/* The curves as JSON, for people and pictures. */
vc_status vc_statistics_write_curves(const char *path, const vc_statistics *statistics);

typedef struct vc_plan_made {
    double sparsity;                 /* that the plan reaches */
    char summaries[VC_SUMMARY_TEXT]; /* as vc_summary_grids_text has them; empty: none */
} vc_plan_made;

/* The masks of a recipe, group by group, and the summaries beside them (layers), those of the
 * statistics; NULL in *summaries: none. VC_EINVAL when the summaries alone have more scores than
 * the sparsity leaves, and where the statistics lack what the recipe wants. `path` names the model,
 * or the statistics, in messages. */
typedef struct vc_pruned {
    vc_mask masks[VC_MOST_GROUPS]; /* (groups) */
    size_t groups;
    const vc_summary_stats **summaries;
    char text[VC_SUMMARY_TEXT]; /* as vc_summary_grids_text has them; empty: none */
} vc_pruned;

/* out (layers): the statistics of such summaries (vc_summary_grids_parse), layer by layer.
 * VC_EINVAL where there are none. `path` names the statistics. */
vc_status vc_statistics_summaries(const vc_summary_stats **out, const vc_statistics *statistics,
                                  const char *summaries, const char *path);

vc_status vc_plan_recipe_prune(vc_pruned *out, const vc_statistics *statistics,
                               const vc_plan_recipe *recipe, const char *path);
void vc_pruned_close(vc_pruned *pruned);

/* The same polarized, with summaries or kept shares. */
vc_status vc_plan_recipe_make(vc_plan *out, vc_plan_made *made, const vc_statistics *statistics,
                              const vc_plan_recipe *recipe, const char *path);

/* The masks of a recipe, from the statistics at `path`, or with summaries a plan without an order,
 * are written to `output`. */
vc_status vc_prune_statistics(vc_prune_result *result, const vc_plan_recipe *recipe,
                              const char *path, const char *output);

/* What stands in for the pruned entries of a plan that is made of masks: what another plan of the
 * same layers has, a residual by the averaged attention at a path, or summaries. */
typedef struct vc_stand_in {
    const vc_plan *plan;
    vc_map_set maps;
    vc_statistics statistics;
    const vc_summary_stats **summaries; /* (layers) */
    const char *path;
} vc_stand_in;

/* All but `out` may be NULL; `statistics` is where the summaries are made from. */
vc_status vc_stand_in_open(vc_stand_in *out, const vc_plan *plan, const char *maps,
                           const char *summaries, const char *statistics);
vc_status vc_stand_in_complete(const void *stand_in, vc_plan *plan);
void vc_stand_in_close(vc_stand_in *stand_in);

/* Plans for stages of learning. Each is sparser than the one before. */
enum { VC_DISTILL_MOST_STAGES = 8 };

typedef struct vc_stage_recipe {
    vc_plan_recipe plan;      /* but for the sparsity */
    const double *sparsities; /* (count) */
    size_t count;             /* 0: nothing is pruned */
    vc_statistics_keep keep;
} vc_stage_recipe;

typedef struct vc_stage_plans {
    vc_plan plans[VC_DISTILL_MOST_STAGES];
    size_t count;
    vc_plan_made last; /* what was made last */
} vc_stage_plans;

/* Averages the teacher's attention over the images (or recipe->plan.images of them) and makes the
 * plans. `path` names the model in messages. */
vc_status vc_stage_plans_make(vc_stage_plans *out, vc_seen *seen, const vc_model *teacher,
                              vc_source *learn, const vc_stage_recipe *recipe, const vc_look *how,
                              const char *path);
/* Adds a plan that was read from a file, as the last one. */
vc_status vc_stage_plans_add(vc_stage_plans *plans, const vc_model_config *student,
                             const char *path);
void vc_stage_plans_close(vc_stage_plans *plans);

/* ---- learning */

typedef struct vc_distill_options {
    /* With the teacher, and all of the loss its. A learning_rate of NAN: vc_distill_learning_rate
     * of the divergence before learning. */
    vc_train_options train;
    /* Learning rates of the summaries' bias and of the auto-encoder; 0: not learnt; NAN: the
     * learning rate times train.bias_rate and train.coder_rate. */
    double bias_learning_rate, coder_learning_rate;
    vc_look look; /* for the images held back; its on_broken hears of those learnt from as well */
    const vc_plan *plans; /* (plan_count) one after the other, each sparser; the last stays */
    size_t plan_count;    /* 0: attention stays as it is */
    size_t stage_epochs;  /* for each plan before the last, besides train.epochs for that */
    size_t patience;      /* ends after so many epochs without a better one; 0: never */
    double seconds;       /* more than 0: as many epochs as fit, in place of train.epochs */
    const char *output;   /* the best model so far is always here */
    /* Where an interrupted run goes on from; besides it <checkpoint>.json. NULL: nowhere, and
     * `output` is written once, at the end. */
    const char *checkpoint;
    int resume;
    /* Names and values of all settings that the result depends on. Resuming with different ones is
     * VC_EINVAL. */
    const json_t *settings;
} vc_distill_options;

/* 20 epochs on random crops, features as the main lesson, no labels (docs/calibration.md). */
vc_distill_options vc_distill_options_default(void);

/* The highest learning rate, by the divergence (nat) that there is to make good: 2e-4 of it, but
 * from 5e-5 to 2e-4, as it was measured (docs/calibration.md). More forgets as fast as it learns.
 */
double vc_distill_learning_rate(double divergence);

/* One epoch of the log, after which the student was judged on the images held back. */
typedef struct vc_distill_epoch {
    size_t stage, epoch; /* from 1 */
    vc_closeness held;   /* on all images held back */
    /* The same of the images of each source, where several were joined; else none. Owned by the
     * log. */
    vc_closeness *sources;
    size_t source_count;
    /* Means over the epoch's steps. */
    double distillation_loss, feature_distance, attention_distance, reconstruction;
    double learning_rate;
} vc_distill_epoch;

extern const vc_record vc_distill_epoch_record;

typedef struct vc_distill_hooks {
    void (*on_step)(void *context, size_t step, size_t steps, double best_agreement);
    void (*on_epoch)(void *context, const vc_distill_epoch *epoch, const vc_epoch_report *report,
                     double best_agreement);
    void *context;
} vc_distill_hooks;

/* What was learnt of one of several joined sources. */
typedef struct vc_distill_source {
    char path[VC_SOURCE_NAME];
    size_t images, held_back; /* to learn from, to judge by */
    vc_closeness before, best;
} vc_distill_source;

extern const vc_record vc_distill_source_record;

typedef struct vc_distilled {
    vc_judgement before, best; /* on the images held back: pruned, and of the best epoch */
    size_t best_epoch;
    vc_distill_source *sources; /* (source_count) one for each source that was joined */
    size_t source_count;
    vc_distill_epoch *log; /* (epochs) of all stages */
    size_t epochs;
} vc_distilled;

/* Trains the student. At the end its parameters, and those in `output`, are those of the best
 * epoch: the one with the least divergence KL(teacher || student) on the images held back.
 * Agreement is a share of a few hundred images and does not tell epochs apart. VC_EINVAL without a
 * teacher. A run that is interrupted and resumed makes the same files. */
vc_status vc_distill(vc_distilled *out, vc_model *student, vc_source *learn, vc_source *held,
                     const vc_distill_options *options, const vc_distill_hooks *hooks);
void vc_distilled_close(vc_distilled *distilled);

#ifdef __cplusplus
}
#endif

#endif
