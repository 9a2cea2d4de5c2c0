/* The page: the sections that have something to show, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "report_impl.h"
#include "vitcod/file.h"

typedef struct subject {
    const char *id, *title;
    vc__section *write;
} subject;

static const subject subjects[] = {
    {"accuracy", "Accuracy and sparsity", vc__accuracy},
    {"attention", "Attention maps and masks", vc__maps},
    {"heads", "Layers and heads", vc__heads},
    {"cpu", "On this machine", vc__cpu},
    {"roofline", "Roofline", vc__roofline},
    {"accelerator", "On the accelerator", vc__chip},
    {"rivals", "The accelerator and its rivals", vc__rivals},
    {"sweep", "Design space", vc__sweep},
    {"training", "Learning", vc__training},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

typedef struct chapter {
    char *text; /* empty if no run has the numbers */
    size_t bytes;
    uint8_t *used; /* (runs) 1: the chapter has numbers of the run */
} chapter;

static vc_status write_chapter(chapter *c, vc__book *book, const subject *s)
{
    FILE *stream = open_memstream(&c->text, &c->bytes);
    c->used = calloc(book->report->run_count + 1, 1);
    if (!stream || !c->used) {
        if (stream)
            fclose(stream);
        return vc_fail(VC_ENOMEM, "out of memory for the section '%s'", s->title);
    }
    memset(book->used, 0, book->report->run_count);
    vc_status status = s->write(stream, book);
    memcpy(c->used, book->used, book->report->run_count);
    if (fclose(stream) != 0 && status == VC_OK)
        status = vc_fail(VC_ENOMEM, "out of memory for the section '%s'", s->title);
    return status;
}

/* ---- head and foot of the page */

static void put_head(FILE *out, const vc_report *report)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">"
          "\n<title>",
          out);
    for (size_t r = 0; r < report->run_count; r++) {
        fputs(r ? ", " : "", out);
        vc__html(out, report->runs[r].name);
    }
    fprintf(out, " - vitcod report</title>\n<style>\n%s</style>\n</head>\n<body>\n", vc__page_css);
}

static void put_title(FILE *out, const vc__book *book, const chapter *chapters)
{
    const vc_report *report = book->report;
    fputs(
        "<a class=\"skip\" href=\"#glance\">Skip to the numbers</a>\n<header>\n<div class=\"bar\">"
        "<p class=\"brand\">"
        "vitcod report</p><button type=\"button\" id=\"theme\" aria-label=\"switch between light "
        "and dark\">"
        "Light / dark</button></div>\n<h1>",
        out);
    for (size_t r = 0; r < report->run_count; r++) {
        fputs(r ? " · " : "", out);
        vc__html(out, report->runs[r].name);
    }
    fputs("</h1>\n", out);
    vc__made_with(out, book);
    fputs("<nav aria-label=\"sections\"><a href=\"#glance\">At a glance</a>", out);
    for (size_t s = 0; s < SUBJECTS; s++)
        if (chapters[s].bytes)
            fprintf(out, "<a href=\"#%s\">%s</a>", subjects[s].id, subjects[s].title);
    fputs("<a href=\"#made\">How each number was made</a></nav>\n</header>\n<main>\n", out);
}

/* Lists which runs have no numbers for which sections. */
static void put_missing(FILE *out, const vc_report *report, const chapter *chapters)
{
    for (size_t r = 0; r < report->run_count; r++) {
        size_t missing = 0;
        for (size_t s = 0; s < SUBJECTS; s++) {
            if (chapters[s].used[r])
                continue;
            if (missing++ == 0) {
                fputs("<p class=\"missing\"><b>", out);
                vc__html(out, report->runs[r].name);
                fputs("</b> has no numbers of: ", out);
            } else
                fputs(", ", out);
            fputs(subjects[s].title, out);
        }
        fputs(missing ? ".</p>\n" : "", out);
    }
}

static void put_not_in(FILE *out, const vc_report *report, const chapter *c)
{
    size_t missing = 0;
    for (size_t r = 0; r < report->run_count; r++) {
        if (c->used[r])
            continue;
        fputs(missing++ ? ", " : "<p class=\"missing\">Not in ", out);
        vc__html(out, report->runs[r].name);
    }
    fputs(missing ? ".</p>\n" : "", out);
}

static void put_chapters(FILE *out, const vc_report *report, const chapter *chapters)
{
    for (size_t s = 0; s < SUBJECTS; s++) {
        if (chapters[s].bytes == 0)
            continue;
        fprintf(out,
                "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n",
                subjects[s].id, subjects[s].id, subjects[s].id, subjects[s].title);
        put_not_in(out, report, &chapters[s]);
        fputs("<div class=\"figures\">\n", out);
        fwrite(chapters[s].text, 1, chapters[s].bytes, out);
        fputs("</div>\n</section>\n", out);
    }
}

static void put_page(FILE *out, const vc__book *book, const chapter *chapters)
{
    const vc_report *report = book->report;
    put_head(out, report);
    put_title(out, book, chapters);
    fputs("<section id=\"glance\" aria-labelledby=\"glance-title\">\n<h2 id=\"glance-title\">At a "
          "glance</h2>\n",
          out);
    vc__headline(out, book);
    vc__glance(out, book);
    put_missing(out, report, chapters);
    fputs("</section>\n", out);
    put_chapters(out, report, chapters);
    fputs("<section id=\"made\" aria-labelledby=\"made-title\">\n<h2 id=\"made-title\">How each "
          "number was "
          "made</h2>\n",
          out);
    vc__provenance(out, book);
    fputs("</section>\n</main>\n<footer><p>Written by vitcod ", out);
    vc__html(out, report->version);
    fputs(" with</p><pre class=\"command\" tabindex=\"0\"><code>", out);
    vc__html(out, report->command);
    fprintf(out, "</code></pre></footer>\n<script>\n%s</script>\n</body>\n</html>\n", vc__page_js);
}

/* ---- writing the page */

static vc_status write_page(const char *path, vc__book *book, chapter *chapters)
{
    vc_file_writer writer;
    for (size_t s = 0; s < SUBJECTS; s++)
        VC_TRY(write_chapter(&chapters[s], book, &subjects[s]));
    if (!book->unread)
        return vc_fail(VC_ENOMEM, "%s: out of memory for what could not be read", path);
    VC_TRY(vc_file_write_begin(&writer, path));
    put_page(writer.stream, book, chapters);
    return vc_file_write_commit(&writer);
}

vc_status vc_report_write(const char *path, const vc_report *report, size_t *figures)
{
    vc__book book;
    chapter chapters[SUBJECTS] = {{0}};
    VC_TRY(vc__book_open(&book, report));
    const vc_status status = write_page(path, &book, chapters);
    for (size_t s = 0; s < SUBJECTS; s++) {
        free(chapters[s].text);
        free(chapters[s].used);
    }
    if (figures)
        *figures = book.figures;
    vc__book_close(&book);
    return status;
}
