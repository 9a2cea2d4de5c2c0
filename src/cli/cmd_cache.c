#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/file.h"
#include "vitcod/plural.h"

enum { PATH_ROOM = 4096 };

typedef struct cache_result {
    char folder[PATH_ROOM];
    vc_cached_files all;
    uint64_t bytes;
    bool cleared;
} cache_result;

static const vc_field file_fields[] = {
    {VC_FIELD(vc_cached_file, name, "",
              "packed-*: weights; values-*: what is known of a model; attention-costs-*: what was "
              "measured of this CPU; kernels-*: for CUDA")},
    {VC_FIELD(vc_cached_file, bytes, "B", "of the file")},
};
static const vc_record file_record = VC_RECORD("cached_file", vc_cached_file, file_fields);

static const vc_field result_fields[] = {
    {VC_FIELD(cache_result, folder, "", "where they lie; empty: the user has no cache")},
    {VC_FIELD_RECORDS(cache_result, all.files, all.count, "files", &file_record,
                      "what is kept, or was removed")},
    {VC_FIELD(cache_result, bytes, "B", "of all files")},
    {VC_FIELD(cache_result, cleared, "", "whether they were removed")},
};
static const vc_record result_record = VC_RECORD("cache", cache_result, result_fields);

static vc_status list(cache_result *result, int clear)
{
    vc_cache_path(result->folder, sizeof result->folder, "");
    VC_TRY(vc_cached_files_open(&result->all));
    for (size_t i = 0; i < result->all.count; i++)
        result->bytes += result->all.files[i].bytes;
    if (clear)
        VC_TRY(vc_cached_files_remove(&result->all));
    result->cleared = clear;
    return VC_OK;
}

static void print_text(const void *result)
{
    static const double mebi = 1024.0 * 1024.0;
    const cache_result *r = result;
    for (size_t i = 0; i < r->all.count; i++)
        printf("%10.2f MiB  %s\n", (double)r->all.files[i].bytes / mebi, r->all.files[i].name);
    printf("%s%s: %zu %s, %.2f MiB\n", r->cleared ? "removed from " : "",
           r->folder[0] ? r->folder : "no cache", r->all.count,
           vc_plural(r->all.count, "file", "files"), (double)r->bytes / mebi);
}

static int run_cache(const cli_command *command, int argc, char **argv)
{
    int clear = 0;
    const cli_option options[] = {
        {"clear", NULL, "remove them; programs that run keep what they have mapped", CLI_FLAG,
         &clear},
    };
    cli_common common = {0};
    cli_arguments arguments;
    cache_result result = {0};
    int status = cli_parse(command, options, sizeof options / sizeof *options, &common, &arguments,
                           0, 0, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    const vc_status done = list(&result, clear);
    status = cli_end(command, &common, done, &result, print_text);
    vc_cached_files_close(&result.all);
    return status;
}

const cli_command cmd_cache = {
    "cache",
    "what is kept in the user's cache, and clearing it",
    "[--clear] [--json]",
    "Lists what lies in $XDG_CACHE_HOME/vitcod or ~/.cache/vitcod: weights that were packed by "
    "classify, infer or eval --cache of a model in one file, which processes map and share, what "
    "attention was measured to cost here, and kernels that NVRTC compiled for CUDA. A file of "
    "packed weights belongs to a model's file (as the system tells files apart: device, inode, "
    "size, times), its precision, the CPU's "
    "instructions, the build of vitcod (version, sources, compiler), and oneDNN's version; where "
    "one of them has changed, or a value is not what was written, as after a fault of the disk, it "
    "is made anew, with a note.",
    run_cache,
    &result_record,
    "vitcod classify deit_tiny.safetensors cat.jpg --cache\n"
    "vitcod cache\n"
    "vitcod cache --clear"};
