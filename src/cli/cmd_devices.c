#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/device.h"

static const vc_field result_fields[] = {
    {VC_FIELD_RECORDS(vc_device_list, devices, count, "devices", &vc_device_info_record,
                      "what --device can name beside cpu")},
    {VC_FIELD_RECORDS(vc_device_list, absences, absence_count, "absences",
                      &vc_device_absence_record, "what has no device here, and why")},
};
static const vc_record result_record = VC_RECORD("devices", vc_device_list, result_fields);

static void print_text(const void *result)
{
    static const double mebi = 1024.0 * 1024.0;
    const vc_device_list *list = result;
    puts("cpu       what runs a model if no device is named");
    for (size_t i = 0; i < list->count; i++) {
        const vc_device_info *d = &list->devices[i];
        printf("%s:%zu  %s: %s, %zu units, %.0f MiB, driver %s, products: %s\n", d->backend,
               d->index, d->name, d->kind, d->units, (double)d->memory_bytes / mebi, d->driver,
               d->products);
    }
    for (size_t i = 0; i < list->absence_count; i++)
        printf("%s: none: %s\n", list->absences[i].backend, list->absences[i].why);
}

static int run_devices(const cli_command *command, int argc, char **argv)
{
    cli_common common = {0};
    cli_arguments arguments;
    vc_device_list result = {0};
    int status = cli_parse(command, NULL, 0, &common, &arguments, 0, 0, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    const vc_status done = vc_device_list_open(&result);
    status = cli_end(command, &common, done, &result, print_text);
    vc_device_list_close(&result);
    return status;
}

const cli_command cmd_devices = {
    "devices",
    "what a model can run on here beside the CPU",
    "[--json]",
    "Lists what --device of infer, eval, classify, attention, bench and profile can name: OpenCL's "
    "devices, those of every driver that its loader finds, and NVIDIA's by CUDA. What has none "
    "says what is missing; that is no failure.",
    run_devices,
    &result_record,
    "vitcod devices\n"
    "vitcod devices --json"};
