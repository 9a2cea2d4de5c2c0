#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "vitcod/clock.h"
#include "vitcod/file.h"
#include "vitcod/isa.h"
#include "vitcod/shell_words.h"
#include "vitcod/threads.h"
#include "vitcod/version.h"

static char command_line[1 << 16]; /* written once by main, before anything else runs */
static const char *program = "vitcod";

void cli_remember(int argc, char **argv)
{
    if (argc > 0)
        program = argv[0];
    vc_shell_add_word(command_line, sizeof command_line, "vitcod");
    for (int i = 1; i < argc; i++)
        vc_shell_add_word(command_line, sizeof command_line, argv[i]);
}

const char *cli_command_line(void)
{
    return command_line;
}

const char *cli_own_program(void)
{
    static const char self[] = "/proc/self/exe";
    return access(self, X_OK) == 0 ? self : program;
}

int cli_fail(void)
{
    fprintf(stderr, "vitcod: %s\n", vc_last_error());
    return CLI_FAILED;
}

/* Of the model that ran; told before the result is. */
static char model_hash[17];
static const char *ran_dtype, *ran_device;

void cli_note_hash(uint64_t hash)
{
    snprintf(model_hash, sizeof model_hash, "%016llx", (unsigned long long)hash);
}

void cli_note_precision(vc_precision precision)
{
    ran_dtype = vc_precision_name(precision);
}

void cli_note_device(const char *device)
{
    ran_device = device;
}

static char chosen[CLI_CHOSEN];

void cli_note_chosen(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(chosen, sizeof chosen, format, arguments);
    va_end(arguments);
}

typedef struct frame {
    const char *verb, *command, *version, *isa, *dtype, *device;
    char cpu[VC_CPU_NAME], date[VC_CLOCK_DATE], model_hash[sizeof model_hash], chosen[CLI_CHOSEN];
    int threads;
    uint64_t seed;
} frame;

static const vc_field frame_fields[] = {
    {VC_FIELD(frame, verb, "", "the command of vitcod")},
    {VC_FIELD(frame, command, "", "the command line")},
    {VC_FIELD(frame, version, "", "of vitcod")},
    {VC_FIELD(frame, threads, "", "that computed")},
    {VC_FIELD(frame, isa, "", "instruction set of the kernels")},
    {VC_FIELD(frame, cpu, "", "of this machine, or unknown")},
    {VC_FIELD(frame, date, "", "when the result was there, in UTC")},
    {VC_FIELD(frame, seed, "", "of everything random")},
    {VC_FIELD(frame, model_hash, "", "of the model that was opened: sizes and weights"), VC_KNOWN},
    {VC_FIELD(frame, dtype, "", "precision of the products that ran: fp32, bf16, fp16 or int8"),
     VC_KNOWN},
    {VC_FIELD(frame, device, "", "that ran the model, if it was named"), VC_KNOWN},
    {VC_FIELD_AS(frame, chosen, "images_chosen", "", "which of the images, if not all"), VC_KNOWN},
};
static const vc_record frame_record = VC_RECORD("frame", frame, frame_fields);

static frame frame_of(const cli_command *command, const cli_common *common)
{
    frame f = {.verb = command->name,
               .command = command_line,
               .version = VC_VERSION,
               .isa = vc_isa_name(vc_isa_get()),
               .dtype = ran_dtype,
               .device = ran_device,
               .threads = vc_threads_count(),
               .seed = common->seed};
    if (!*vc_cpu_name(f.cpu))
        strcpy(f.cpu, "unknown");
    vc_clock_date(f.date);
    memcpy(f.model_hash, model_hash, sizeof model_hash);
    memcpy(f.chosen, chosen, sizeof chosen);
    return f;
}

json_t *cli_frame(const cli_command *command, const cli_common *common)
{
    const frame f = frame_of(command, common);
    json_t *result;
    return vc_record_json(&result, &frame_record, &f) == VC_OK ? result : NULL;
}

/* Prints a result on stdout, and releases it. main notices when stdout is full. */
static int print_json(json_t *result)
{
    char *text = vc_json_dump(result, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    json_decref(result);
    if (!text) {
        vc_fail(VC_ENOMEM, "the result cannot be written as JSON");
        return cli_fail();
    }
    puts(text);
    free(text);
    return CLI_OK;
}

static int print_record(const cli_command *command, const cli_common *common, const void *result)
{
    json_t *object = cli_frame(command, common);
    if (object && vc_record_add(object, command->result, result) == VC_OK)
        return print_json(object);
    json_decref(object);
    return cli_fail();
}

static int print_csv(const cli_command *command, const cli_common *common, const void *result)
{
    const frame f = frame_of(command, common);
    puts("name,value,unit");
    vc_record_csv_values(stdout, &frame_record, &f);
    vc_record_csv_values(stdout, command->result, result);
    vc_record_csv_tables(stdout, command->result, result);
    return CLI_OK;
}

int cli_is_quiet(const cli_common *common)
{
    return common->json || common->csv || common->streams;
}

int cli_end(const cli_command *command, const cli_common *common, vc_status status,
            const void *result, void (*print_text)(const void *result))
{
    if (status != VC_OK || vc_file_check_unchanged() != VC_OK)
        return cli_fail();
    if (common->json)
        return print_record(command, common, result);
    if (common->csv)
        return print_csv(command, common, result);
    if (common->streams)
        return CLI_OK;
    print_text(result);
    if (*chosen)
        printf("images: %s\n", chosen);
    return CLI_OK;
}

int cli_print_schema(const cli_command *command)
{
    char title[64];
    json_t *schema;
    snprintf(title, sizeof title, "vitcod %s --json", command->name);
    vc_status status = vc_record_schema(&schema, title, command->summary);
    if (status == VC_OK)
        status = vc_record_add_schema(schema, &frame_record);
    if (status == VC_OK)
        status = vc_record_add_schema(schema, command->result);
    if (status == VC_OK)
        return print_json(schema);
    json_decref(schema);
    return cli_fail();
}
