/* Attention, and what is averaged and measured beside it, in one file. */
#include <stdio.h>
#include <unistd.h>

#include "attention.h"
#include "together.h"
#include "vitcod/comm.h"
#include "vitcod/file.h"
#include "written.h"

static vc_status gather(vc_statistics *out, attention_result *result, const attention_options *o,
                        const vc_model *model, const vc_statistics_keep *keep)
{
    vc_source *source, *whole;
    VC_TRY(cli_open_some(&source, &whole, &o->data));
    vc_progress progress = vc_progress_begin("attention", 1);
    vc_look how = vc_look_default();
    how.batch = o->data.batch;
    how.on_broken = cli_on_broken;
    how.context = &result->seen;
    how.progress = vc_comm_rank() == 0 ? &progress : NULL;
    how.together = o->data.together;
    result->seen.progress = &progress;
    vc_status status = vc_statistics_gather(out, model, source, &o->recipe, keep, &how);
    vc_progress_end(&progress);
    result->seen.progress = NULL;
    vc_source_close(source);
    vc_source_close(whole);
    if (status == VC_OK && o->data.together)
        status = cli_share_broken(&result->seen);
    if (status == VC_OK && result->seen.out_of_memory) {
        vc_statistics_close(out);
        status = vc_fail(VC_ENOMEM, "out of memory for the names of broken images");
    }
    return status;
}

static vc_status write_all(attention_result *result, const attention_options *o,
                           const vc_statistics *s)
{
    if (o->recipe.curves && s->measured && vc_comm_rank() == 0)
        VC_TRY(vc_statistics_write_curves(o->recipe.curves, s));
    if (vc_comm_rank() == 0)
        VC_TRY(vc_statistics_write(o->output, s, NULL));
    result->gathered = true;
    result->seen.images = s->seen.images;
    result->heads_images = s->curves.images;
    if (s->kinds.count > 0)
        vc_summary_grids_text(result->summaries, s->kinds.grids, s->kinds.count);
    return VC_OK;
}

/* Goes on from the checkpoint, or keeps one; an empty path is none. */
static vc_status gather_and_write(attention_result *result, const attention_options *o,
                                  const vc_model *model, const char *checkpoint)
{
    vc_statistics statistics;
    if (o->resume && access(checkpoint, F_OK) != 0)
        return vc_fail(VC_EIO, "%s: cannot open: there is nothing to go on from",
                       checkpoint[0] ? checkpoint : o->output);
    const vc_statistics_keep keep = {.path = checkpoint[0] ? checkpoint : NULL,
                                     .settings = o->settings,
                                     .resume = o->resume,
                                     .seconds = CLI_KEEP_SECONDS};
    VC_TRY(gather(&statistics, result, o, model, &keep));
    const vc_status status = write_all(result, o, &statistics);
    vc_statistics_close(&statistics);
    if (status == VC_OK && checkpoint[0] && vc_comm_rank() == 0)
        unlink(checkpoint);
    return status;
}

vc_status attention_gather(attention_result *result, const attention_options *o,
                           const vc_model *model)
{
    char checkpoint[CLI_PATH] = "";
    vc_file_lock lock = {0};
    const int first = vc_comm_rank() == 0; /* which writes */
    cli_note_precision(VC_IN_FP32);
    if (first)
        VC_TRY(vc_file_try(o->output));
    if (o->recipe.curves && first)
        VC_TRY(vc_file_try(o->recipe.curves));
    if (!cli_is_stream(o->output) && !vc_file_is_special(o->output)) {
        VC_TRY(cli_own_checkpoint(checkpoint, o->output));
        if (first)
            VC_TRY(vc_file_lock_open(&lock, o->output));
    }
    const vc_status status = gather_and_write(result, o, model, checkpoint);
    vc_file_lock_close(&lock);
    return status;
}
