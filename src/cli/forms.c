/* The forms of the files that are written. npy has no place for the name of a writer, so that an
 * array is known by its type, its shape and its first values. */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "vitcod/file.h"
#include "vitcod/maps.h"
#include "vitcod/npy.h"
#include "vitcod/onnx.h"
#include "vitcod/plan.h"
#include "vitcod/safetensors.h"
#include "written.h"

/* ---- safetensors */

static int has_metadata(const char *path, const char *key, const char *value)
{
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, path) != VC_OK)
        return 0;
    const char *text = vc_tensor_file_metadata(file, key);
    const int has = text && (!value || strcmp(text, value) == 0);
    vc_tensor_file_close(file);
    return has;
}

/* What others write says neither. */
static int is_model(const char *path)
{
    return has_metadata(path, "architecture", NULL) && has_metadata(path, "input_mean", NULL);
}

static int is_plan(const char *path)
{
    return vc_plan_is(path) == VC_PLAN_ALONE;
}

static int is_checkpoint(const char *path)
{
    return has_metadata(path, "format", "vitcod-checkpoint");
}

static int is_autoencoder(const char *path)
{
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, path) != VC_OK)
        return 0;
    const size_t count = vc_tensor_file_count(file);
    size_t coders = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = vc_tensor_file_at(file, i)->name;
        coders += strstr(name, "encoder_") != NULL || strstr(name, "decoder_") != NULL;
    }
    vc_tensor_file_close(file);
    return count > 0 && coders == count;
}

/* ---- npy */

static int is_array(const char *path, vc_dtype dtype, size_t rank, int (*holds)(const vc_tensor *))
{
    vc_npy npy;
    if (vc_npy_open(&npy, path) != VC_OK)
        return 0;
    const vc_tensor *t = &npy.tensor;
    const int is = t->dtype == dtype && t->rank == rank && vc_tensor_count(t) > 0 && holds(t);
    vc_npy_close(&npy);
    return is;
}

static int holds_anything(const vc_tensor *t)
{
    (void)t;
    return 1;
}

/* Pixels that are normalised have both signs. */
static int holds_scores(const vc_tensor *t)
{
    const float *values = t->data;
    const size_t count = vc_tensor_count(t);
    for (size_t i = 0; i < count && i < 100000; i++)
        if (!(values[i] >= 0.0F))
            return 0;
    return 1;
}

/* Averages of softmax: each row's sum is 1. */
static int holds_maps(const vc_tensor *t)
{
    const float *values = t->data;
    double sum = 0.0;
    for (size_t i = 0; i < t->shape[3]; i++)
        sum += (double)values[i];
    return holds_scores(t) && sum > 0.99 && sum < 1.01;
}

static int is_maps(const char *path)
{
    return is_array(path, VC_F32, 4, holds_maps) || vc_maps_are_in(path);
}

static int is_scores(const char *path)
{
    return is_array(path, VC_F32, 4, holds_scores);
}

/* What prune writes is a plan with summaries. */
static int is_mask(const char *path)
{
    return is_array(path, VC_BOOL, 4, holds_anything) || is_plan(path);
}

static int is_logits(const char *path)
{
    return is_array(path, VC_F32, 2, holds_anything);
}

/* ---- text */

/* Whether one word stands within so many bytes of the beginning, and another with
 * it. */
static int says(const char *path, const char *word, const char *other, size_t within)
{
    vc_mapped_file file;
    if (vc_file_map(&file, path) != VC_OK)
        return 0;
    const size_t bytes = file.bytes < within ? file.bytes : within;
    const unsigned char *at = file.data;
    const int is = memmem(at, bytes, word, strlen(word)) && memmem(at, bytes, other, strlen(other));
    vc_file_unmap(&file);
    return is;
}

static int is_page(const char *path)
{
    return says(path, "<footer><p>Written by vitcod", "</html>", SIZE_MAX);
}

static int is_trace(const char *path)
{
    return says(path, "{", "\"displayTimeUnit\"", 40);
}

static int is_requests(const char *path)
{
    return says(path, "0x", " READ ", 60) || says(path, "0x", " WRITE ", 60);
}

static int is_commands(const char *path)
{
    return says(path, "# clock command channel", "DRAMsim3", 120);
}

static int is_gemms(const char *path)
{
    return says(path, "Layer,M,N,K", "\n", 60) || says(path, "---", "problem:", 60);
}

static int is_curves(const char *path)
{
    return says(path, "\"heads\"", "\"calibrate --curves\"", SIZE_MAX);
}

static int is_log(const char *path)
{
    return says(path, "{\"epoch\":", "\"loss\":", 200);
}

static int is_vectors(const char *path)
{
    return has_metadata(path, "format", "vitcod-rtl-vectors");
}

static int is_rtl_parameters(const char *path)
{
    return says(path, "// An accelerator's parameters", "`define VITCOD_", SIZE_MAX);
}

const cli_form cli_form_model = {"a model of vitcod's", is_model, NULL, "safetensors"},
               cli_form_plan = {"a plan", is_plan, NULL, "safetensors"},
               cli_form_autoencoder = {"an auto-encoder", is_autoencoder, NULL, "safetensors"},
               cli_form_maps = {"averaged attention", is_maps, "attention_score_", "npy"},
               cli_form_scores = {"scores of attention", is_scores, NULL, "npy"},
               cli_form_mask = {"a mask or a plan", is_mask, "mask_", "npy"},
               cli_form_logits = {"logits", is_logits, NULL, "npy"},
               cli_form_page = {"a page of vitcod's", is_page, NULL, "html"},
               cli_form_trace = {"a trace", is_trace, NULL, "json"},
               cli_form_requests = {"requests of a memory", is_requests, NULL, "txt"},
               cli_form_commands = {"commands of a memory", is_commands, NULL, "txt"},
               cli_form_gemms = {"matrix products", is_gemms, NULL, "csv yaml"},
               cli_form_curves = {"curves of heads", is_curves, NULL, "json"},
               cli_form_checkpoint = {"a checkpoint of vitcod's", is_checkpoint, NULL, NULL},
               cli_form_log = {"a log of training", is_log, NULL, "jsonl"},
               cli_form_onnx = {"an ONNX model of vitcod's", vc_onnx_is, NULL, "onnx"},
               cli_form_vectors = {"vectors for RTL", is_vectors, NULL, "safetensors"},
               cli_form_rtl_parameters = {"parameters of RTL", is_rtl_parameters, NULL, "svh"};
