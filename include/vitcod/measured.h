/* Times of a model that were measured elsewhere, sorted by ViTCoD's classes of work: results of
 * `bench` and `profile`, profiles of TensorRT (trtexec --exportProfile) and Chrome traces of
 * PyTorch's profiler. */
#ifndef VITCOD_MEASURED_H
#define VITCOD_MEASURED_H

#include <stddef.h>

#include "vitcod/json.h"
#include "vitcod/operator.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Classes beyond those of operator.h. */
enum {
    VC_MEASURED_ELEMENTWISE = VC_WORK_COUNT, /* GELU, residual sums, scaling */
    VC_MEASURED_OTHER,                       /* what is none of them, or fused across them */
    VC_MEASURED_CLASSES
};

typedef struct vc_measured_class {
    const char *work;
    double us, share; /* of an image; of all classes */
} vc_measured_class;

typedef struct vc_measured {
    const char *path, *kind;    /* the file, as given; what it is */
    double attention_us;        /* QK^T, softmax and SV of an image; NAN: not told */
    double end_to_end_us;       /* of an image */
    vc_measured_class *classes; /* (class_count) those that take time */
    size_t class_count;
} vc_measured;

/* Reads a file. `batch` is how many images a run had, where the file does not say (0: one). Classes
 * of TensorRT go by the names that timm's models have in ONNX files, those of PyTorch by operators
 * and, with record_shapes=True, the shapes of products: of plain ViTs, whose MLPs are two, three ..
 * times as wide as their tokens. VC_EFORMAT for what is none of these files, or has no times: then
 * there is nothing to close. */
vc_status vc_measured_read(vc_measured *out, const char *path, size_t batch);

/* What wrote a file of times: "TensorRT", "PyTorch" or "vitcod"; NULL: it is none of these. */
const char *vc_measured_kind(const json_t *root);
/* As vc_measured_read, of what a file holds. */
vc_status vc_measured_take(vc_measured *out, const json_t *root, const char *path, size_t batch);

void vc_measured_close(vc_measured *measured);

extern const vc_record vc_measured_record;

#ifdef __cplusplus
}
#endif

#endif
