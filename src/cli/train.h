/* `vitcod train` from options to files. */
#ifndef VC_CLI_TRAIN_H
#define VC_CLI_TRAIN_H

#include "cli.h"
#include "open_data.h"
#include "open_model.h"
#include "vitcod/train_log.h"

typedef struct train_options {
    cli_model_options model;
    const char *config_file, *classes, *exif, *data, *teacher, *output, *checkpoint, *log;
    cli_pose_options poses;
    const char *test_subjects; /* whose poses judge epochs; NULL: nobody's */
    int resume, test, new_head, convert, skip_broken;
    int usual_shift;  /* nobody asked for the shift that images have */
    double hold_back; /* share, or number, of the images to test epochs by; NAN: none */
    size_t sample;    /* images to learn from, drawn at random; 0: all */
    vc_plain_sizes sizes;
    vc_train_options train;
    size_t teacher_heads;
} train_options;

/* What the command line says that becomes the library's options only when all is read. */
typedef struct train_asked {
    size_t lr_batch, shift, log_every; /* shift: CLI_UNSET, or asked for */
    int flip;
    double mix, distill, temperature, min_lr, warmup_lr; /* NAN, or asked for */
    const char *dtype, *memory;
} train_asked;

/* Returns how many there are. */
size_t train_list_options(cli_option list[CLI_MOST_OPTIONS], train_options *options,
                          train_asked *asked);

typedef struct train_result {
    const char *model, *judged_by;
    cli_images seen;       /* of which only the broken ones are told */
    size_t images, judges; /* to learn from; that epochs are judged by */
    vc_train_line *epochs; /* owned */
    size_t epoch_count;
} train_result;

extern const vc_record train_record;

/* Trains and writes. CLI_CONTINUE for the process that shows the result, else the exit status. */
int train_all(train_result *result, const train_options *options, int quiet, size_t seed);

/* The images of a run. */
typedef struct train_sets {
    vc_source *whole;         /* what `learn` and `judge` were split from; NULL: they were not */
    vc_source *learn, *judge; /* judge NULL: epochs are not judged */
} train_sets;

/* Encoded images want a model that says how large they are. */
vc_status train_open_sets(train_sets *out, const train_options *options);
void train_close_sets(train_sets *sets);

/* Of poses: what has no meaning for them and was not asked for is left out, the rest refused. */
vc_status train_fit_poses(vc_train_options *how, const train_options *options,
                          const vc_model *model);

/* The model that options name or describe, for the classes of the data where it is made or has a
 * new head. To be closed by the caller whatever comes back. */
vc_status train_open_model(vc_model **out, const train_options *options, const vc_source *data,
                           size_t seed);

#endif
