/* Pages of runs that tests make up. */
#ifndef VC_TEST_PAGES_H
#define VC_TEST_PAGES_H

#include "testing.h"
#include "vitcod/report.h"

static inline char *page_of(const vc_report_run *runs, size_t count)
{
    const vc_report report = {runs, count, "vitcod report '<run>'", "1.2.3", 0};
    const char *path = temporary("page.html");
    size_t figures;
    assert_ok(vc_report_write(path, &report, &figures));
    return file_text(path);
}

static inline size_t times(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

static inline void assert_holds(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("the page does not hold '%s'", what);
}

static inline json_t *eval_of(const char *data, const char *hash, double top1, int images)
{
    char command[128];
    snprintf(command, sizeof command, "vitcod eval m --data %s --json", data);
    json_t *e =
        json_pack("{s:s, s:s, s:f, s:i, s:[{s:i, s:s, s:f}, {s:i, s:s, s:f}]}", "verb", "eval",
                  "command", command, "top1", top1, "images", images, "classes", "class", 0, "name",
                  "cat", "top1", top1, "class", 1, "name", "", "top1", top1);
    if (hash)
        json_object_set_new(e, "plan_hash", json_string(hash));
    return e;
}

static inline json_t *simulated(const char *method, int cycles, double energy)
{
    return json_pack("{s:s, s:s, s:{s:i, s:f}, s:{s:i, s:f}, s:{s:s}}", "verb", "simulate",
                     "method", method, "attention", "cycles", cycles / 2, "energy_uj", energy / 4.0,
                     "end_to_end", "cycles", cycles, "energy_uj", energy, "accelerator", "name",
                     "vitcod");
}

#endif
