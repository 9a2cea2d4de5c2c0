#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/safetensors.h"
#include "vitcod/train.h"

/* Of all that a checkpoint holds. */
static uint32_t checksum_of(float *const *blocks, size_t count, const char *position,
                            const char *sums, const char *settings)
{
    const char *const texts[] = {position, sums, settings};
    uint32_t sum = 0;
    for (size_t i = 0; i < 4 && blocks[i]; i++)
        sum = vc_checksum(sum, blocks[i], count * sizeof(float));
    for (size_t i = 0; i < 3; i++)
        sum = vc_checksum(sum, texts[i], strlen(texts[i]));
    return sum;
}

/* Writes the flat blocks of model and optimiser as they are. A checkpoint is only for resuming with
 * the same options; for everything else there is the model's file. Doubles are written as
 * hexadecimal, bit for bit. */
vc_status vc_checkpoint_write(const char *path, const vc_model *model,
                              const vc_optimizer *optimizer, const vc_train_state *state,
                              const json_t *settings)
{
    const size_t count = model->value_count;
    const vc_named_tensor tensors[] = {{"values", {VC_F32, 1, {count}, model->values}},
                                       {"adam.m", {VC_F32, 1, {count}, optimizer->m}},
                                       {"adam.v", {VC_F32, 1, {count}, optimizer->v}},
                                       {"average", {VC_F32, 1, {count}, optimizer->average}}};
    char position[96], sums[256], crc32[VC_CHECKSUM_TEXT];
    snprintf(position, sizeof position, "%llu %llu %llu", (unsigned long long)state->epoch,
             (unsigned long long)state->step, (unsigned long long)optimizer->steps);
    snprintf(sums, sizeof sums, "%a %a %a %a %a %a %a %a", state->loss, state->distillation,
             state->features, state->attention, state->reconstruction, state->grad_norm,
             state->top1, state->images);
    char *text = vc_json_dump(settings, JSON_SORT_KEYS);
    if (!text)
        return vc_fail(VC_ENOMEM, "%s: out of memory for the settings", path);
    float *const blocks[] = {model->values, optimizer->m, optimizer->v, optimizer->average};
    vc_checksum_text(crc32, checksum_of(blocks, count, position, sums, text));
    const vc_metadata metadata[] = {{"format", "vitcod-checkpoint"},
                                    {"position", position},
                                    {"sums", sums},
                                    {"settings", text},
                                    {"crc32", crc32}};
    const vc_status status =
        vc_safetensors_write(path, tensors, optimizer->average ? 4 : 3, metadata, 5);
    free(text);
    return status;
}

static vc_status check_settings(const char *begun, const json_t *settings, const char *path)
{
    json_error_t error;
    json_t *was = vc_json_parse(begun, strlen(begun), JSON_REJECT_DUPLICATES, &error);
    if (!was)
        return vc_fail(vc_json_status(&error), "%s: settings: %s", path, error.text);
    const vc_status status = vc_json_check_settings(was, settings, path);
    json_decref(was);
    return status;
}

static vc_status check_checksum(const vc_tensor_file *file, float *const *blocks, size_t count)
{
    const uint32_t sum = checksum_of(blocks, count, vc_tensor_file_metadata(file, "position"),
                                     vc_tensor_file_metadata(file, "sums"),
                                     vc_tensor_file_metadata(file, "settings"));
    return vc_checksum_check(sum, vc_tensor_file_metadata(file, "crc32"),
                             vc_tensor_file_path(file));
}

static vc_status read_state(vc_optimizer *optimizer, vc_train_state *state, const json_t *settings,
                            const vc_tensor_file *file)
{
    const char *path = vc_tensor_file_path(file);
    const char *format = vc_tensor_file_metadata(file, "format");
    const char *position = vc_tensor_file_metadata(file, "position");
    const char *sums = vc_tensor_file_metadata(file, "sums");
    const char *begun = vc_tensor_file_metadata(file, "settings");
    if (!format || strcmp(format, "vitcod-checkpoint") != 0 || !position || !sums)
        return vc_fail(VC_EFORMAT, "%s: is not a training checkpoint", path);
    if (!begun)
        return vc_fail(VC_EFORMAT, "%s: does not say which settings it was made with", path);
    VC_TRY(check_settings(begun, settings, path));
    unsigned long long epoch, step, steps;
    if (strchr(position, '-') || sscanf(position, "%llu %llu %llu", &epoch, &step, &steps) != 3 ||
        sscanf(sums, "%la %la %la %la %la %la %la %la", &state->loss, &state->distillation,
               &state->features, &state->attention, &state->reconstruction, &state->grad_norm,
               &state->top1, &state->images) != 8)
        return vc_fail(VC_EFORMAT, "%s: the position cannot be read", path);
    state->epoch = epoch;
    state->step = step;
    optimizer->steps = steps;
    return VC_OK;
}

vc_status vc_checkpoint_read(vc_model *model, vc_optimizer *optimizer, vc_train_state *state,
                             const json_t *settings, const char *path)
{
    vc_tensor_file *file;
    VC_TRY(vc_safetensors_open(&file, path));
    const char *const names[] = {"values", "adam.m", "adam.v", "average"};
    float *const targets[] = {model->values, optimizer->m, optimizer->v, optimizer->average};
    const vc_tensor *found[4] = {0};
    const int count = optimizer->average ? 4 : 3;
    vc_status status = read_state(optimizer, state, settings, file);
    for (int i = 0; i < count && status == VC_OK; i++)
        status = vc_tensor_file_get(&found[i], file, names[i], VC_F32, 1, &model->value_count);
    for (int i = 0; i < count && status == VC_OK; i++)
        memcpy(targets[i], found[i]->data, model->value_count * sizeof(float));
    if (status == VC_OK)
        status = check_checksum(file, targets, model->value_count);
    vc_tensor_file_close(file);
    return status;
}

static vc_status name_copy(char *out, size_t room, const char *path, size_t place)
{
    const int length =
        place == 0 ? snprintf(out, room, "%s", path) : snprintf(out, room, "%s.%zu", path, place);
    return (size_t)length < room ? VC_OK : vc_fail(VC_EINVAL, "%s: the path is too long", path);
}

static vc_status copy(const char *to, const char *from)
{
    vc_mapped_file file;
    vc_file_writer writer;
    VC_TRY(vc_file_map(&file, from));
    vc_status status = vc_file_write_begin(&writer, to);
    if (status == VC_OK) {
        fwrite(file.data, 1, file.bytes, writer.stream);
        status = vc_file_write_commit(&writer);
    }
    vc_file_unmap(&file);
    return status;
}

/* A second name is as good as a copy, since a checkpoint is replaced and never changed. Not every
 * file system has them. */
static vc_status keep_as(const char *to, const char *from)
{
    if (unlink(to) != 0 && errno != ENOENT)
        return vc_fail(VC_EIO, "%s: cannot be replaced: %s", to, strerror(errno));
    return link(from, to) == 0 ? VC_OK : copy(to, from);
}

/* The newest stays where it is until the next takes its place, so that there is always one. */
vc_status vc_checkpoint_rotate(const char *path, size_t keep)
{
    char from[4096], to[4096];
    for (size_t place = keep; place-- > 1;) {
        VC_TRY(name_copy(from, sizeof from, path, place - 1));
        VC_TRY(name_copy(to, sizeof to, path, place));
        if (access(from, F_OK) != 0)
            continue;
        if (place > 1 && rename(from, to) != 0)
            return vc_fail(VC_EIO, "%s: cannot be moved to %s: %s", from, to, strerror(errno));
        if (place == 1)
            VC_TRY(keep_as(to, from));
    }
    return VC_OK;
}

void vc_checkpoint_remove(const char *path, size_t keep)
{
    char older[4096];
    for (size_t place = 0; place < keep; place++)
        if (name_copy(older, sizeof older, path, place) == VC_OK)
            unlink(older);
}
