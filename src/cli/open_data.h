/* What the commands that look at a data set of images have in common. */
#ifndef VC_OPEN_DATA_H
#define VC_OPEN_DATA_H

#include "cli.h"
#include "vitcod/evaluate.h"

/* Of an npz of poses. */
typedef struct cli_pose_options {
    const char *truth, *cameras, *subjects; /* NULL: none, all */
    size_t every;                           /* 0: 1 */
} cli_pose_options;

typedef struct cli_data_options {
    cli_texts paths;
    cli_pose_options poses;
    const char *split, *classes, *exif;
    size_t limit, sample, batch; /* limit, sample: of each path; one of them is 0 */
    size_t seed;                 /* of what is drawn */
    const double *held;          /* shares or numbers of each path that are left out, or NULL */
    size_t spread;               /* statistics are of so many, spread evenly; 0: of all */
    int skip_broken, convert;
    int together;         /* 1: the processes share the images (vitcod/comm.h) */
    vc_turns *turns;      /* of what a tap adds up; or NULL */
    int train_transforms; /* 1: images are changed as DeiT learns from them, by `seed` */
} cli_data_options;

/* Defaults but for the split. */
cli_data_options cli_data_options_default(const char *split);

/* What a source is told of poses. */
void cli_tell_poses(vc_source_options *how, const cli_pose_options *options);

/* Whether images are turned as their EXIF data say. */
#define CLI_EXIF_OPTION(target, usual)                                                             \
    {                                                                                              \
        "exif", "on|off", "turn images as their EXIF orientation says (default " usual ")",        \
            CLI_TEXT, &(target)                                                                    \
    }

#define CLI_CONVERT_OPTION(target)                                                                 \
    {                                                                                              \
        "convert-channels", NULL,                                                                  \
            "make images grey, or RGB of grey ones in memory, where the model takes those",        \
            CLI_FLAG, &(target)                                                                    \
    }

#define CLI_SOME_OPTIONS(limit_target, sample_target)                                              \
    {"limit", "N",                                                                                 \
     "only the first N images of each --data (folders: class by class, so few classes), 0 for "    \
     "all",                                                                                        \
     CLI_COUNT, &(limit_target)},                                                                  \
    {                                                                                              \
        "sample", "N", "only N images of each --data, at random over classes by --seed",           \
            CLI_COUNT, &(sample_target)                                                            \
    }

#define CLI_POSE_OPTIONS(options)                                                                  \
    {"cameras",                                                                                    \
     "FILE",                                                                                       \
     "of an npz of poses: JSON of each subject's cameras (docs/poses.md)",                         \
     CLI_TEXT,                                                                                     \
     &(options).cameras,                                                                           \
     .files = "json"},                                                                             \
        {"subjects", "LIST", "of an npz of poses: these alone, such as S9,S11", CLI_TEXT,          \
         &(options).subjects},                                                                     \
    {                                                                                              \
        "every", "N", "of an npz of poses: every N-th frame alone", CLI_COUNT, &(options).every    \
    }

#define CLI_DATA_OPTIONS(options)                                                                  \
    {"data", "PATH",                                                                               \
     "images: a folder of class folders, a tar or zip of them, IDX or CIFAR; may be repeated; or " \
     "an npz of poses",                                                                            \
     CLI_TEXTS, &(options).paths},                                                                 \
        CLI_POSE_OPTIONS((options).poses),                                                         \
        {"split", "train|test|val|validation|valid", "which, where there are several", CLI_TEXT,   \
         &(options).split},                                                                        \
        {"classes",                                                                                \
         "FILE",                                                                                   \
         "class list: line i names the folder of class i",                                         \
         CLI_TEXT,                                                                                 \
         &(options).classes,                                                                       \
         .files = "txt"},                                                                          \
        CLI_SOME_OPTIONS((options).limit, (options).sample),                                       \
        {"batch", "N", "images at once", CLI_COUNT, &(options).batch},                             \
        CLI_EXIF_OPTION((options).exif, "off"), CLI_CONVERT_OPTION((options).convert),             \
    {                                                                                              \
        "skip-broken", NULL, "images that cannot be read are no failure", CLI_FLAG,                \
            &(options).skip_broken                                                                 \
    }

int cli_is_upright(const char *exif); /* NULL: 0 */

/* CLI_CONTINUE for options that can be followed. --sample takes the place of a usual limit. */
int cli_check_some(const cli_command *command, size_t *limit, size_t sample, size_t usual);
/* Notes which images a source was left. */
void cli_note_some(const vc_source *source, const vc_source_options *how);

/* CLI_CONTINUE for options that can be followed. */
int cli_check_data_options(const cli_command *command, const cli_data_options *options);

/* The images that were looked at. */
typedef struct cli_images {
    size_t images;
    const char **broken; /* names of those that could not be read, by index; owned */
    size_t *indices;     /* in the source, of each of these; owned */
    void *by_name;       /* the names, as a tree of tsearch(3) */
    size_t broken_count;
    bool out_of_memory;    /* for a name */
    vc_progress *progress; /* to be cleared before an image is named on stderr, or NULL */
} cli_images;

extern const vc_record cli_images_record;
void cli_images_free(cli_images *images);

/* Adds a name, unless it is there, in the place that its index gives it. Without memory it only
 * notes that. */
void cli_add_broken(cli_images *images, size_t index, const char *name);

/* A vc_loader_broken_image that names the image on stderr and adds it to a cli_images, once. */
void cli_on_broken(void *images, size_t index, const char *name, const char *message);

vc_status cli_open_source(vc_source **out, const cli_data_options *options, int labelled);

/* Runs the model over the images, with progress; each broken one is named on stderr. `images`
 * begins anew. */
vc_status cli_run_over_source(cli_images *images, vc_evaluation *out, const vc_model *model,
                              vc_source *source, const cli_data_options *options, const char *label,
                              const vc_runner *runner, vc_class_count *counts);

/* The images, without those of options->held; `whole` is what they are of. */
vc_status cli_open_some(vc_source **out, vc_source **whole, const cli_data_options *options);

/* Runs over those of them that --statistics chooses. */
vc_status cli_run_some(cli_images *images, const vc_model *model, const cli_data_options *options,
                       const char *label, const vc_runner *runner);
/* The forward pass with a tap over images that need no labels. */
vc_status cli_tap_data(cli_images *images, const vc_model *model, const cli_data_options *options,
                       const char *label, const vc_tap *tap);

/* What a command ends with when it has been ended with `code`: CLI_FAILED when images were broken
 * that nobody allowed, which it says. */
int cli_judge_images(int code, const cli_images *images, int skip_broken);

#endif
