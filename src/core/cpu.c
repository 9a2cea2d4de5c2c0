#include <stdio.h>
#include <string.h>

#include "vitcod/isa.h"

const char *vc_cpu_name(char text[VC_CPU_NAME])
{
    FILE *stream = fopen("/proc/cpuinfo", "r");
    char line[512];
    *text = '\0';
    while (stream && *text == '\0' && fgets(line, sizeof line, stream))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':'))
            snprintf(text, VC_CPU_NAME, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n"),
                     strchr(line, ':') + 2);
    if (stream)
        fclose(stream);
    return text;
}
