/* What a file is, told by its bytes: the one place that knows, for messages and for what may be
 * replaced. Of what vitcod writes, which of its files; of others, their format. */
#ifndef VITCOD_FILE_KIND_H
#define VITCOD_FILE_KIND_H

#include "vitcod/file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kind, what a file of it is called, and what takes it ("" where nothing does). npy has no place
 * for the name of a writer: an array is known by its type, its shape and its first values; YAML,
 * which people write, by a key that no other kind has. */
#define VC_FILE_KIND_MAP(X)                                                                        \
    X(MODEL, "a model of vitcod's", "verbs take it as MODEL")                                      \
    X(PLAN, "a plan", "--plan takes it, or simulate, profile, polarize and info")                  \
    X(STATISTICS, "averaged attention with statistics", "prune, calibrate and info take it")       \
    X(CHECKPOINT, "a checkpoint of learning", "train --resume and calibrate --resume go on there") \
    X(AUTOENCODER, "an auto-encoder", "--autoencoder takes it")                                    \
    X(TENSORS, "safetensors", "")                                                                  \
    X(MASK, "a mask", "--mask takes it, or polarize and info")                                     \
    X(MAPS, "averaged attention", "prune makes a mask of it")                                      \
    X(SCORES, "an npy array", "")                                                                  \
    X(LOGITS, "an npy array", "")                                                                  \
    X(ARRAY, "an npy array", "")                                                                   \
    X(RESULT, "what a verb printed with --json", "report shows it")                                \
    X(CURVES, "curves of heads", "report draws them, of their run's folder")                       \
    X(LOG, "a log of learning", "report draws it")                                                 \
    X(POINTS, "points of a sweep", "report draws them, and sweep -o goes on there")                \
    X(TRACE, "a trace", "Perfetto shows it")                                                       \
    X(REQUESTS, "requests of a memory", "")                                                        \
    X(COMMANDS, "commands of a memory", "tools/check-dram.py reads them")                          \
    X(GEMMS, "matrix products", "SCALE-Sim and Timeloop read them")                                \
    X(VECTORS, "vectors for RTL", "")                                                              \
    X(RTL_PARAMETERS, "parameters of RTL", "")                                                     \
    X(PAGE, "a page that report wrote", "a browser shows it")                                      \
    X(ONNX, "an ONNX model of vitcod's", "give the checkpoint that it was made of")                \
    X(CHIP, "a chip (YAML)", "--chip takes it")                                                    \
    X(MEMORY, "a memory (YAML)", "--memory takes it")                                              \
    X(SPACE, "a space of a sweep (YAML)", "sweep takes it")                                        \
    X(SETTINGS, "a file of options (YAML)", "train --config takes it")

typedef enum vc_file_kind {
    VC_FILE_OTHER, /* none of these */
#define VC_FILE_KIND_ENUM(name, what, taken) VC_FILE_##name,
    VC_FILE_KIND_MAP(VC_FILE_KIND_ENUM)
#undef VC_FILE_KIND_ENUM
        VC_FILE_KIND_COUNT
} vc_file_kind;

/* VC_FILE_OTHER also where there is none, or a broken one. */
vc_file_kind vc_file_kind_of(const char *path);

/* For a file that is not what was wanted: VC_EFORMAT "PATH: is WHAT, wanted ..", with what takes
 * such a file or another remedy where there is one, if its bytes say what it is, or if it is text;
 * else VC_OK. */
vc_status vc_file_refuse_known(const char *path, const vc_mapped_file *file, const char *wanted);
/* The same of a folder, by what is in it; VC_OK where it is none. */
vc_status vc_file_refuse_folder(const char *path, const char *wanted);
/* The same of a path, be it a file or a folder; VC_OK where it cannot be read. */
vc_status vc_file_refuse_path(const char *path, const char *wanted);

#ifdef __cplusplus
}
#endif

#endif
