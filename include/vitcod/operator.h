/* The kinds of operators: one vocabulary for models, workloads, the engine, the simulator and the
 * profile. */
#ifndef VITCOD_OPERATOR_H
#define VITCOD_OPERATOR_H

#ifdef __cplusplus
extern "C" {
#endif

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

/* Each kind: its name; its class of work; ANY if an engine may run it in other precisions, FP32 if
 * it stays in float; OWN if a row is made of the row at its own place (attention reads all keys
 * besides), OTHERS if other rows go into it; and the operator of a workload that it is a part of. A
 * chip takes norm, FC1 and FC2 as one operator. */
#define VC_OP_MAP(X)                                                                               \
    X(POSITIONS, "positions", RESHAPE, FP32, OWN, PATCH_EMBED)                                     \
    X(PATCHES, "patches", RESHAPE, FP32, OTHERS, PATCH_EMBED)                                      \
    X(WINDOWS, "windows", RESHAPE, FP32, OTHERS, PATCH_EMBED)                                      \
    X(PATCH_EMBED, "patch_embed", PATCH_EMBED, ANY, OWN, PATCH_EMBED)                              \
    X(STEM, "stem", PATCH_EMBED, ANY, OWN, PATCH_EMBED)                                            \
    X(NORM_PRE, "norm_pre", NORM, FP32, OWN, PATCH_EMBED)                                          \
    X(NORM1, "norm1", NORM, FP32, OWN, QKV)                                                        \
    X(QKV, "qkv", QKV, ANY, OWN, QKV)                                                              \
    X(Q, "q", QKV, ANY, OWN, QKV)                                                                  \
    X(KV, "kv", QKV, ANY, OWN, QKV)                                                                \
    X(SUBSAMPLE, "subsample", RESHAPE, FP32, OTHERS, QKV)                                          \
    X(PANELS, "panels", RESHAPE, FP32, OWN, PANELS)                                                \
    X(POOL, "pool", QKV, FP32, OTHERS, POOL) /* keys and values to summaries */                    \
    X(ENCODE, "encode", CODERS, FP32, OWN, ENCODE)                                                 \
    X(DECODE, "decode", CODERS, FP32, OWN, DECODE)                                                 \
    X(SDDMM, "sddmm", QK, FP32, OWN, SDDMM)                                                        \
    X(SOFTMAX, "softmax", SOFTMAX, FP32, OWN, SOFTMAX)                                             \
    X(SPMM, "spmm", SV, FP32, OWN, SPMM)                                                           \
    X(ATTENTION, "attention", ATTENTION, FP32, OWN, ATTENTION) /* has a rule of its own */         \
    X(PROJECTION, "projection", PROJECTION, ANY, OWN, PROJECTION)                                  \
    X(NORM2, "norm2", NORM, FP32, OWN, MLP)                                                        \
    X(FC1, "fc1", MLP, ANY, OWN, MLP)                                                              \
    X(GATE, "gate", MLP, FP32, OWN, MLP)          /* SwiGLU's, behind FC1 */                       \
    X(SPANS, "spans", RESHAPE, FP32, OTHERS, MLP) /* windows along the tokens, every n-th one */   \
    X(FC2, "fc2", MLP, ANY, OWN, MLP)                                                              \
    X(PLACE, "place", RESHAPE, FP32, OWN,                                                          \
      MLP) /* positions for the next block, added to a stream */                                   \
    X(MLP, "mlp", MLP, ANY, OWN, MLP)                                                              \
    X(PREFIX, "class_tokens", RESHAPE, FP32, OTHERS, PREFIX)                                       \
    X(NORM, "norm", NORM, FP32, OWN, HEAD)                                                         \
    X(MEAN, "mean", RESHAPE, FP32, OTHERS, MEAN)                                                   \
    X(HEAD, "head", HEAD, FP32, OWN, HEAD) /* next to nothing to gain, and the last word */

typedef enum vc_op_kind {
#define VC_OP_ENUM(name, text, work, precision, rows, part) VC_OP_##name,
    VC_OP_MAP(VC_OP_ENUM)
#undef VC_OP_ENUM
        VC_OP_COUNT
} vc_op_kind;

const char *vc_work_name(vc_work work);

const char *vc_op_name(vc_op_kind kind);
vc_work vc_op_work(vc_op_kind kind);
int vc_op_in_any_precision(vc_op_kind kind); /* 0: in float always */
int vc_op_reads_other_rows(vc_op_kind kind);
vc_op_kind vc_op_part_of(vc_op_kind kind);

#ifdef __cplusplus
}
#endif

#endif
