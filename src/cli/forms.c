/* The forms of the files that are written. */
#include "vitcod/file_kind.h"
#include "written.h"

#define KIND(name) (1U << VC_FILE_##name)

int cli_form_is(const cli_form *form, const char *path)
{
    return (form->kinds >> vc_file_kind_of(path) & 1U) != 0;
}

/* What prune writes is a plan with summaries. */
const cli_form cli_form_model = {"a model of vitcod's", KIND(MODEL), NULL, "safetensors"},
               cli_form_plan = {"a plan", KIND(PLAN), NULL, "safetensors"},
               cli_form_autoencoder = {"an auto-encoder", KIND(AUTOENCODER), NULL, "safetensors"},
               cli_form_maps = {"averaged attention", KIND(MAPS) | KIND(STATISTICS),
                                "attention_score_", "npy"},
               cli_form_scores = {"scores of attention", KIND(MAPS) | KIND(SCORES), NULL, "npy"},
               cli_form_mask = {"a mask or a plan", KIND(MASK) | KIND(PLAN), "mask_", "npy"},
               cli_form_logits = {"logits", KIND(LOGITS), NULL, "npy"},
               cli_form_page = {"a page of vitcod's", KIND(PAGE), NULL, "html"},
               cli_form_trace = {"a trace", KIND(TRACE), NULL, "json"},
               cli_form_requests = {"requests of a memory", KIND(REQUESTS), NULL, "txt"},
               cli_form_commands = {"commands of a memory", KIND(COMMANDS), NULL, "txt"},
               cli_form_gemms = {"matrix products", KIND(GEMMS), NULL, "csv yaml"},
               cli_form_curves = {"curves of heads", KIND(CURVES), NULL, "json"},
               cli_form_checkpoint = {"a checkpoint of vitcod's", KIND(CHECKPOINT), NULL, NULL},
               cli_form_log = {"a log of training", KIND(LOG), NULL, "jsonl"},
               cli_form_onnx = {"an ONNX model of vitcod's", KIND(ONNX), NULL, "onnx"},
               cli_form_vectors = {"vectors for RTL", KIND(VECTORS), NULL, "safetensors"},
               cli_form_rtl_parameters = {"parameters of RTL", KIND(RTL_PARAMETERS), NULL, "svh"};
