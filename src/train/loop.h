/* The inside of a run of training: loop.c goes through epochs, step.c takes the steps. */
#ifndef VC_LOOP_H
#define VC_LOOP_H

#include "together.h"

typedef struct vc__loop {
    vc_model *model;
    vc_source *train, *test; /* test NULL: none */
    const vc_train_options *options;
    vc_acts acts, teacher_acts;
    vc_grads grads;
    vc__together together;
    vc_optimizer optimizer;
    vc_train_state state;
    vc_sampler sampler;
    vc_half *half;           /* NULL: products in float32 */
    vc_loader *loader;       /* of the epoch's remaining steps */
    float *branches;         /* (L, 2, share), see vc_acts; NULL without drop_path */
    vc_train_state reported; /* the state at the last report of a group */
    double group_start;
    const char *checkpoint; /* NULL: none */
    const vc_train_hooks *hooks;
    double learning_rate;
    int whole;        /* parameters and statistics are those after the last step that is counted */
    int ended;        /* from outside, in this process or another */
    json_t *settings; /* see vc__train_settings */
} vc__loop;

/* The learning rate of a step of the present epoch. */
double vc__step_rate(const vc__loop *loop, uint64_t step);

/* Takes one step: a batch forward and backward, and the update of the parameters. */
vc_status vc__train_step(vc__loop *loop);

#endif
