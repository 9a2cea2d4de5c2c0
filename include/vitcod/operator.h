/* The kinds of operators: one vocabulary for models, workloads, the engine, the simulator and the
 * profile. */
#ifndef VITCOD_OPERATOR_H
#define VITCOD_OPERATOR_H

/* What the work of a model is sorted by. */
#define VC_WORK_MAP(X)                                                                             \
    X(PATCH_EMBED, "patch_embed")                                                                  \
    X(QKV, "qkv")                                                                                  \
    X(CODERS, "coders") /* the auto-encoder's; an engine has them in its weights */                \
    X(QK, "qk")                                                                                    \
    X(SOFTMAX, "softmax")                                                                          \
    X(SV, "sv")                                                                                    \
    X(ATTENTION, "attention") /* the three above, where a kernel does not tell them apart */       \
    X(PROJECTION, "projection")                                                                    \
    X(MLP, "mlp")                                                                                  \
    X(NORM, "norm")                                                                                \
    X(HEAD, "head")                                                                                \
    X(RESHAPE, "reshape") /* patches, windows, panels, copies, means */

typedef enum vc_work {
#define VC_WORK_ENUM(name, text) VC_WORK_##name,
    VC_WORK_MAP(VC_WORK_ENUM)
#undef VC_WORK_ENUM
        VC_WORK_COUNT
} vc_work;

/* Each kind: its name; its class of work; ANY if an engine may run it in bf16 or int8, FP32 if it
 * stays in float; and the operator of a workload that it is a part of. A chip takes norm, FC1 and
 * FC2 as one operator. */
#define VC_OP_MAP(X)                                                                               \
    X(POSITIONS, "positions", RESHAPE, FP32, PATCH_EMBED)                                          \
    X(PATCHES, "patches", RESHAPE, FP32, PATCH_EMBED)                                              \
    X(WINDOWS, "windows", RESHAPE, FP32, PATCH_EMBED)                                              \
    X(PATCH_EMBED, "patch_embed", PATCH_EMBED, ANY, PATCH_EMBED)                                   \
    X(STEM, "stem", PATCH_EMBED, ANY, PATCH_EMBED)                                                 \
    X(NORM1, "norm1", NORM, FP32, QKV)                                                             \
    X(QKV, "qkv", QKV, ANY, QKV)                                                                   \
    X(Q, "q", QKV, ANY, QKV)                                                                       \
    X(KV, "kv", QKV, ANY, QKV)                                                                     \
    X(SUBSAMPLE, "subsample", RESHAPE, FP32, QKV)                                                  \
    X(PANELS, "panels", RESHAPE, FP32, PANELS)                                                     \
    X(ENCODE, "encode", CODERS, FP32, ENCODE)                                                      \
    X(DECODE, "decode", CODERS, FP32, DECODE)                                                      \
    X(SDDMM, "sddmm", QK, FP32, SDDMM)                                                             \
    X(SOFTMAX, "softmax", SOFTMAX, FP32, SOFTMAX)                                                  \
    X(SPMM, "spmm", SV, FP32, SPMM)                                                                \
    X(ATTENTION, "attention", ATTENTION, FP32, ATTENTION) /* has a precision rule of its own */    \
    X(PROJECTION, "projection", PROJECTION, ANY, PROJECTION)                                       \
    X(NORM2, "norm2", NORM, FP32, MLP)                                                             \
    X(FC1, "fc1", MLP, ANY, MLP)                                                                   \
    X(FC2, "fc2", MLP, ANY, MLP)                                                                   \
    X(MLP, "mlp", MLP, ANY, MLP)                                                                   \
    X(PREFIX, "class_tokens", RESHAPE, FP32, PREFIX)                                               \
    X(NORM, "norm", NORM, FP32, HEAD)                                                              \
    X(MEAN, "mean", RESHAPE, FP32, MEAN)                                                           \
    X(HEAD, "head", HEAD, FP32, HEAD) /* next to nothing to gain, and the last word */

typedef enum vc_op_kind {
#define VC_OP_ENUM(name, text, work, precision, part) VC_OP_##name,
    VC_OP_MAP(VC_OP_ENUM)
#undef VC_OP_ENUM
        VC_OP_COUNT
} vc_op_kind;

const char *vc_work_name(vc_work work);

const char *vc_op_name(vc_op_kind kind);
vc_work vc_op_work(vc_op_kind kind);
int vc_op_in_any_precision(vc_op_kind kind); /* 0: in float always */
vc_op_kind vc_op_part_of(vc_op_kind kind);

#endif
