/* The table of contents: includes all doors. Each can also be included on its own. */
#ifndef VITCOD_VITCOD_H
#define VITCOD_VITCOD_H

/* core: status and messages, memory, files, numbers */
#include "vitcod/arena.h"
#include "vitcod/checksum.h"
#include "vitcod/chunks.h"
#include "vitcod/clock.h"
#include "vitcod/comm.h"
#include "vitcod/comma_lists.h"
#include "vitcod/extent.h"
#include "vitcod/file.h"
#include "vitcod/file_kind.h"
#include "vitcod/half.h"
#include "vitcod/hash.h"
#include "vitcod/interpolation.h"
#include "vitcod/isa.h"
#include "vitcod/json.h"
#include "vitcod/memory_limit.h"
#include "vitcod/npy.h"
#include "vitcod/npz_object.h"
#include "vitcod/pickle_file.h"
#include "vitcod/plural.h"
#include "vitcod/printable.h"
#include "vitcod/progress.h"
#include "vitcod/pth.h"
#include "vitcod/record.h"
#include "vitcod/rng.h"
#include "vitcod/safetensors.h"
#include "vitcod/shell_words.h"
#include "vitcod/status.h"
#include "vitcod/tensor.h"
#include "vitcod/tensor_file.h"
#include "vitcod/tensor_file_change.h"
#include "vitcod/threads.h"
#include "vitcod/turns.h"
#include "vitcod/version.h"
#include "vitcod/weights.h"
#include "vitcod/yaml.h"

/* data: labelled images and batches, from memory or read ahead from files */
#include "vitcod/augment.h"
#include "vitcod/data.h"
#include "vitcod/idx.h"
#include "vitcod/image.h"
#include "vitcod/loader.h"
#include "vitcod/poses.h"
#include "vitcod/sampler.h"
#include "vitcod/source.h"

/* plan: masks, plans, workloads */
#include "vitcod/attention_info.h"
#include "vitcod/group_files.h"
#include "vitcod/maps.h"
#include "vitcod/mask.h"
#include "vitcod/measured.h"
#include "vitcod/operator.h"
#include "vitcod/pattern.h"
#include "vitcod/plan.h"
#include "vitcod/plan_summary.h"
#include "vitcod/vitcod_files.h"
#include "vitcod/workload.h"

/* kernels: operators, forward and backward */
#include "vitcod/attention.h"
#include "vitcod/attention_costs.h"
#include "vitcod/autoencoder.h"
#include "vitcod/gemm.h"
#include "vitcod/int8_product.h"
#include "vitcod/kernels.h"
#include "vitcod/ops.h"
#include "vitcod/packed_attention.h"
#include "vitcod/pooling.h"
#include "vitcod/product.h"
#include "vitcod/residual.h"
#include "vitcod/strided_attention.h"

/* models: DeiT, LeViT */
#include "vitcod/blocks.h"
#include "vitcod/gradients.h"
#include "vitcod/input_info.h"
#include "vitcod/model.h"
#include "vitcod/model_info.h"
#include "vitcod/preset_list.h"
#include "vitcod/token_reduction.h"

/* algorithm: from averaged attention to a plan */
#include "vitcod/attention_stats.h"
#include "vitcod/autoencoder_setup.h"
#include "vitcod/head_curves.h"
#include "vitcod/kept_share.h"
#include "vitcod/polarize.h"
#include "vitcod/prune.h"
#include "vitcod/prune_result.h"
#include "vitcod/summaries.h"

/* explore: models and plans on chips, compared and swept */
#include "vitcod/catalogue.h"
#include "vitcod/compare.h"
#include "vitcod/point.h"
#include "vitcod/simulation.h"
#include "vitcod/subject.h"
#include "vitcod/sweep.h"
#include "vitcod/timeline.h"

/* onnx: a model as an ONNX file */
#include "vitcod/onnx.h"

/* evaluate: a model over images */
#include "vitcod/classify.h"
#include "vitcod/engine_pass.h"
#include "vitcod/evaluate.h"
#include "vitcod/features.h"
#include "vitcod/image_array.h"
#include "vitcod/judge.h"
#include "vitcod/loss.h"
#include "vitcod/pose_error.h"
#include "vitcod/token_accuracy.h"

/* quantize: before products are in int8 */
#include "vitcod/equalize.h"

/* distill: a sparse model learns from its dense self */
#include "vitcod/coder_setup.h"
#include "vitcod/distill.h"
#include "vitcod/statistics.h"

/* recipe: the whole of it, step by step in a run folder */
#include "vitcod/recipe.h"

/* sim, engine, train, profile, report */
#include "vitcod/accelerator.h"
#include "vitcod/backend.h"
#include "vitcod/bench.h"
#include "vitcod/bound.h"
#include "vitcod/chip.h"
#include "vitcod/chip_energy.h"
#include "vitcod/chip_kind.h"
#include "vitcod/chip_summary.h"
#include "vitcod/chip_trace.h"
#include "vitcod/control.h"
#include "vitcod/device.h"
#include "vitcod/dram_trace.h"
#include "vitcod/engine.h"
#include "vitcod/functional.h"
#include "vitcod/memory.h"
#include "vitcod/model_profile.h"
#include "vitcod/plan_pictures.h"
#include "vitcod/profile.h"
#include "vitcod/profile_result.h"
#include "vitcod/report.h"
#include "vitcod/rtl.h"
#include "vitcod/run_folder.h"
#include "vitcod/train.h"
#include "vitcod/train_log.h"

#endif
