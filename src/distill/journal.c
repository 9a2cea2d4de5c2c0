#include "journal.h"

#include <stdlib.h>
#include <string.h>

#include "vitcod/checksum.h"

static const vc_field fields[] = {
    {VC_FIELD(vc_distill_epoch, stage, "", "plan that is learnt on, from 1")},
    {VC_FIELD(vc_distill_epoch, epoch, "", "epoch of the stage, from 1")},
    {VC_FIELD_AS(vc_distill_epoch, held.agreement, "agreement", "",
                 "share of images with the dense model's class"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_epoch, held.divergence, "divergence", "nat",
                 "mean KL(dense || sparse)"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_epoch, held.distance, "distance", "",
                 "without classes: mean of 1 - cosine of the features; of poses: of the joints' "
                 "distance"),
     VC_KNOWN},
    {VC_FIELD_RECORDS(vc_distill_epoch, sources, source_count, "sources", &vc_closeness_record,
                      "on the images of each source, where there are several"),
     VC_KNOWN},
    {VC_FIELD(vc_distill_epoch, distillation_loss, "", "mean over the epoch's steps")},
    {VC_FIELD(vc_distill_epoch, feature_distance, "", "from the dense model's blocks")},
    {VC_FIELD(vc_distill_epoch, attention_distance, "", "from the outputs of its heads")},
    {VC_FIELD(vc_distill_epoch, reconstruction, "", "mean squared error of the auto-encoder")},
    {VC_FIELD(vc_distill_epoch, learning_rate, "", "of the epoch's last step")},
};
const vc_record vc_distill_epoch_record = VC_RECORD("epoch", vc_distill_epoch, fields);

static const vc_field source_fields[] = {
    {VC_FIELD(vc_distill_source, path, "", "of the images")},
    {VC_FIELD(vc_distill_source, images, "", "images to learn from")},
    {VC_FIELD(vc_distill_source, held_back, "", "images to judge by")},
    {VC_FIELD_AS(vc_distill_source, before.agreement, "agreement_before", "",
                 "share of images with the dense model's class, before learning"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_source, before.divergence, "divergence_before", "nat",
                 "mean KL(dense || sparse), before learning"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_source, best.agreement, "agreement", "",
                 "share of images with the dense model's class"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_source, best.divergence, "divergence", "nat",
                 "mean KL(dense || sparse)"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_source, before.distance, "distance_before", "",
                 "before learning, without classes: mean of 1 - cosine of the features; of poses: "
                 "of the joints' distance"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_distill_source, best.distance, "distance", "",
                 "without classes: mean of 1 - cosine of the features; of poses: of the joints' "
                 "distance"),
     VC_KNOWN},
};
const vc_record vc_distill_source_record = VC_RECORD("source", vc_distill_source, source_fields);

vc_status vc__journal_open(json_t **out, const char *path, const json_t *settings, int resume)
{
    *out = NULL;
    if (!resume) {
        json_t *begun = settings ? vc_json_deep_copy(settings) : json_object();
        *out = json_pack("{s:o, s:[]}", "settings", begun, "log");
        return *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    }
    VC_TRY(vc_json_read(out, path));
    const json_t *was = json_object_get(*out, "settings");
    vc_status status = VC_OK;
    if (!json_is_object(was) || !json_is_array(json_object_get(*out, "log")) ||
        !json_is_object(json_object_get(*out, "before")) ||
        !json_is_integer(json_object_get(*out, "epochs")))
        status = vc_fail(VC_EFORMAT, "%s: is not the journal of a calibration", path);
    if (status == VC_OK)
        status = vc_json_check_seal(*out, path);
    json_t *none = json_object();
    if (status == VC_OK)
        status = vc_json_check_settings(was, settings ? settings : none, path);
    json_decref(none);
    if (status != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

static int is_before(const json_t *entry, size_t stage, size_t epoch)
{
    const size_t s = (size_t)json_integer_value(json_object_get(entry, "stage")),
                 e = (size_t)json_integer_value(json_object_get(entry, "epoch"));
    return s < stage || (s == stage && e < epoch);
}

vc_status vc__journal_add(json_t *journal, const char *path, const vc_distill_epoch *epoch)
{
    json_t *log = json_object_get(journal, "log"), *entry;
    size_t kept = json_array_size(log);
    while (kept > 0 && !is_before(json_array_get(log, kept - 1), epoch->stage, epoch->epoch))
        json_array_remove(log, --kept);
    VC_TRY(vc_record_json(&entry, &vc_distill_epoch_record, epoch));
    json_incref(log);
    vc_json_append(&log, entry);
    if (!log)
        return vc_fail(VC_ENOMEM, "out of memory for the log");
    json_decref(log);
    return path ? vc_json_write_sealed(path, journal) : VC_OK;
}

vc_status vc__journal_begin(json_t *journal, const char *path, const vc_judgement *before,
                            size_t epochs)
{
    const vc_distill_epoch entry = vc__epoch_of(before);
    json_t *value;
    VC_TRY(vc_record_json(&value, &vc_distill_epoch_record, &entry));
    json_incref(journal);
    vc_json_set(&journal, "before", value);
    vc_json_set(&journal, "epochs", json_integer((json_int_t)epochs));
    if (!journal)
        return vc_fail(VC_ENOMEM, "out of memory for the journal");
    json_decref(journal);
    return path ? vc_json_write_sealed(path, journal) : VC_OK;
}

vc_distill_epoch vc__epoch_of(const vc_judgement *judged)
{
    return (vc_distill_epoch){.held = judged->all,
                              .sources = (vc_closeness *)judged->parts,
                              .source_count = judged->part_count > 1 ? judged->part_count : 0};
}

vc_status vc__journal_judgement(vc_judgement *out, const json_t *entry, const char *path)
{
    vc_distill_epoch e;
    vc_status status = vc_record_read(&e, &vc_distill_epoch_record, entry, path);
    *out = (vc_judgement){.all = e.held, .part_count = 1, .parts = {e.held}};
    if (status == VC_OK && e.source_count > VC_SOURCE_MOST_PARTS)
        status = vc_fail(VC_EFORMAT, "%s: has %zu sources, wanted at most %d", path, e.source_count,
                         (int)VC_SOURCE_MOST_PARTS);
    if (status == VC_OK && e.source_count > 0) {
        out->part_count = e.source_count;
        memcpy(out->parts, e.sources, e.source_count * sizeof *e.sources);
    }
    vc_record_free(&vc_distill_epoch_record, &e);
    return status;
}

vc_status vc__journal_read(vc_distilled *out, const json_t *journal, const char *path)
{
    const json_t *log = json_object_get(journal, "log");
    const size_t count = json_array_size(log);
    out->log = calloc(count + 1, sizeof *out->log);
    if (!out->log)
        return vc_fail(VC_ENOMEM, "out of memory for the log");
    for (size_t i = 0; i < count; i++) {
        out->epochs = i + 1; /* what is read in part is released as well */
        VC_TRY(
            vc_record_read(&out->log[i], &vc_distill_epoch_record, json_array_get(log, i), path));
    }
    return VC_OK;
}
