/* Shared by the files of the report: what a page is made of. */
#ifndef VC_REPORT_IMPL_H
#define VC_REPORT_IMPL_H

#include "vitcod/record.h"
#include "vitcod/report.h"

/* ---- text (html.c, base64.c) */

enum { VC__NUMBER = 32, VC__LABEL = 160, VC__TITLE = 2 * VC__LABEL };

void vc__html(FILE *out, const char *text); /* for text and attributes */
void vc__html_clipped(FILE *out, const char *text, size_t letters);
vc_status vc__html_script(FILE *out, const json_t *value); /* JSON for use inside <script> */
void vc__base64(FILE *out, const uint8_t *bytes, size_t count);
const char *vc__number(char text[VC__NUMBER], double value); /* for people: 31,441 or 4.05 */

/* The value object["a"]["b"] for the path "a.b", or NULL. */
const json_t *vc__at(const json_t *object, const char *path);
/* The number at a path, or NAN. */
double vc__number_at(const json_t *object, const char *path);
/* The text of a member, or "". */
const char *vc__text_at(const json_t *object, const char *key);

/* ---- the results of all runs, in one list (book.c) */

typedef struct vc__result {
    size_t run;
    const char *file, *verb; /* verb: "" if the file does not name one */
    char label[VC__LABEL];   /* the name of the file; with several runs, the run's before it */
    char name[VC__LABEL];    /* the name of the file alone, without its end */
    char data[VC__LABEL];    /* which images it is about, and how many; "" if it does not tell */
    double pruned_share;     /* of attention, in an evaluation; NAN: no result tells, or no eval */
    const json_t *json;
} vc__result;

typedef struct vc__book {
    const vc_report *report;
    vc__result *results;
    size_t result_count;
    vc__result *logs; /* json is the array of lines */
    size_t log_count;
    size_t figures;
    uint8_t *used;  /* (runs) a section sets 1 for each run that it draws from */
    json_t *unread; /* [[sentence about what a section could not read, ..] of a run, ..] */
} vc__book;

/* Which images a result is about: the last parts of its --data, and how many images. */
void vc__data_name(char text[VC__LABEL], const json_t *result);
/* Calls `draw` for each kind of images that results of the book are about. */
vc_status vc__each_data(FILE *out, vc__book *book,
                        vc_status (*draw)(FILE *out, vc__book *book, const char *data));
/* "TITLE, DATA", or TITLE alone. */
void vc__data_title(char text[VC__TITLE], const char *title, const char *data);

vc_status vc__book_open(vc__book *out, const vc_report *report);
void vc__book_close(vc__book *book);
/* Where a part of a pipeline stands in it, by the name of its file without its end; names that are
 * not known come last. */
size_t vc__part_rank(const char *name);
int vc__is(const vc__result *result, const char *verb);
/* 1: another device than the CPU ran it. */
int vc__runs_on_device(const vc__result *result);
/* The name of a run that all the names begin with, as "RUN: ", which is taken off them; or NULL. */
const char *vc__book_common_run(const vc__book *book, char (*names)[VC__LABEL], size_t count);

/* Reads the part of a result under `key` into the struct at `out`. 0, and the struct is empty, when
 * the part is not there, is a mere number or has none of the record's keys; also when it cannot be
 * read, and then the page says so beside the result. Release it by vc_record_free in all cases. */
int vc__book_read(void *out, vc__book *book, const vc_record *record, const vc__result *result,
                  const char *key);

/* ---- the dense model's results (dense.c) */

/* Sets pruned_share of the evaluations, once all results are in the list. */
void vc__find_pruned_shares(vc__book *book);
/* The dense model's evaluation in the same run, on the same images; NULL: there is none. */
const vc__result *vc__dense_eval(const vc__book *book, const vc__result *sparse);
/* Whether a result is a dense model's simulation. */
int vc__is_dense_run(const vc__result *result);
/* A simulation's dense fellow of the same run, on the same chip, or NULL. */
const vc__result *vc__dense_run(const vc__book *book, const vc__result *sparse);

/* ---- intervals of 95 % (interval.c); shares are from 0 to 1 */

typedef struct vc__interval {
    double low, high;
} vc__interval;

vc__interval vc__share_interval(double p, double n);
vc__interval vc__difference_interval(double p, double n, double q, double m);
vc__interval vc__median_interval(double median, double low, double high, double n);

/* ---- the most important numbers, for page and table (lines.c) */

typedef struct vc__line {
    const char *label, *verb, *path, *unit;
    double factor;     /* of the number, for the unit */
    const char *count; /* path of how many it was seen on, or NULL */
    int is_share;      /* in percent */
} vc__line;

enum { VC__LINES = 18 };
extern const vc__line vc__lines[VC__LINES];

/* ---- figures */

enum { VC__WIDTH = 380 }; /* of a drawing: on a phone a unit is little less than a pixel */

/* Begins and ends a figure; its SVG is written in between. */
void vc__figure_begin(FILE *out, vc__book *book, const char *title, const char *note);
void vc__figure_end(FILE *out);
void vc__svg_begin(FILE *out, const char *title, const char *note, double width, double height);
void vc__svg_text(FILE *out, double x, double y, const char *anchor, const char *text,
                  size_t letters);
/* The colour in the page of one of the names of a figure. */
size_t vc__class_of(char (*names)[VC__LABEL], size_t count, size_t index);
const char *vc__shape_of(size_t series); /* a path from its middle */

typedef struct vc__legend {
    char (*names)[VC__LABEL];
    const int *styles; /* of a plot's series; NULL: bars */
    size_t count;
} vc__legend;

void vc__legend_draw(FILE *out, double top, const vc__legend *legend);
double vc__legend_height(const vc__legend *legend);

enum { VC__MOST_TICKS = 16 };
/* About `wanted` round numbers from `low` to `high`. */
size_t vc__ticks(double ticks[VC__MOST_TICKS], double low, double high, size_t wanted);
const char *vc__tick(char text[VC__NUMBER], double value); /* short: 20 k, 3 M */
size_t vc__log_ticks(double ticks[VC__MOST_TICKS], double low, double high);

/* Points and lines. Of a quiet series marks have no names beside them, and its line is broken. */
enum { VC__POINTS = 1, VC__LINE = 2, VC__QUIET = 4, VC__MOST_SERIES = 24 };

typedef struct vc__mark {
    size_t series;
    double x, y;
    char note[VC__LABEL];
} vc__mark;

/* A mark as it lies in the drawing; `under`: how many marks before it lie at the same place. */
typedef struct vc__spot {
    const vc__mark *mark;
    double x, y;
    size_t under;
    int quiet;
} vc__spot;

enum { VC__MOST_NAMES = 40 };

typedef struct vc__plot {
    const char *title, *note, *x_label, *y_label;
    int x_log, y_log;
    int named;                  /* the note of each mark stands beside it */
    const char *const *y_names; /* (y_name_count) of y = 0, 1, ..; then y has no numbers */
    size_t y_name_count;        /* at most VC__MOST_NAMES */
    char series[VC__MOST_SERIES][VC__LABEL];
    int style[VC__MOST_SERIES];
    size_t series_count, left_out;
    vc__mark *marks;
    size_t count, room;
    int failed;
} vc__plot;

/* The series with this name, which is made if it is new. */
size_t vc__plot_series(vc__plot *plot, int style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void vc__plot_mark(vc__plot *plot, size_t series, double x, double y, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Writes the notes of marks beside them, where there is room for them. */
void vc__plot_names(FILE *out, const vc__spot *spots, size_t count, double left, double right);
/* Draws the plot, unless it has no marks, and releases it. Series that are all of one of several
 * runs lose its name, which the title gets. */
vc_status vc__plot_draw(FILE *out, vc__book *book, vc__plot *plot);

/* Stacked bars, one row each. Of more parts than are shown the smallest become "the rest". */
enum { VC__SHOWN_PARTS = 12, VC__MOST_PARTS = 32, VC__MOST_ROWS = 96 };

typedef struct vc__bars {
    const char *title, *note, *unit, *axis; /* axis: NULL where the unit says it all */
    char parts[VC__MOST_PARTS][VC__LABEL];
    size_t part_count;
    char rows[VC__MOST_ROWS][VC__LABEL];
    double values[VC__MOST_ROWS][VC__MOST_PARTS];
    size_t row_count, left_out;
} vc__bars;

void vc__bars_row(vc__bars *bars, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a value to a part of the last row. */
void vc__bars_add(vc__bars *bars, const char *part, double value);
/* Rows that are all of one of several runs lose its name, which the title gets. */
void vc__bars_draw(FILE *out, vc__book *book, vc__bars *bars);

/* A coloured cell with a number for every layer and head. */
typedef struct vc__grid {
    const char *title, *note, *format;
    double low, high;
    size_t rows, columns;
    const double *values; /* (rows, columns), NAN where there is none */
} vc__grid;

void vc__grid_draw(FILE *out, vc__book *book, const vc__grid *grid);

/* Colours for 0 to 1, between dark blue and yellow, in steps that look even. */
enum { VC__ANCHORS = 9 };
extern const uint8_t vc__anchors[VC__ANCHORS][3];
void vc__viridis(uint8_t rgb[3], double share);

/* ---- maps (maps.c, png.c) */

/* Makes a PNG in memory: 8-bit grey or, if `bits` is 1, black and white. `pixels` has a byte per
 * pixel. The caller frees *png. */
vc_status vc__png_grey(char **png, size_t *bytes, const uint8_t *pixels, size_t height,
                       size_t width, int bits);

/* ---- sections: each writes its figures, or nothing */

typedef vc_status vc__section(FILE *out, vc__book *book);
vc__section vc__accuracy, vc__maps, vc__heads, vc__cpu, vc__roofline, vc__chip, vc__rivals,
    vc__sweep, vc__training;
void vc__devices(FILE *out, vc__book *book);                        /* a part of vc__cpu */
vc__section vc__head_curves;                                        /* a part of vc__heads */
vc_status vc__classes(FILE *out, vc__book *book, const char *data); /* a part of vc__accuracy */
/* Top-1 lost by pruning in ViTCoD's paper (%) over the pruned share of attention (%). */
void vc__published_losses(vc__plot *plot);
/* What each run lost and gained against its dense model, as tiles; nothing without any of it. */
void vc__headline(FILE *out, const vc__book *book);
void vc__glance(FILE *out, const vc__book *book);
/* CPU, versions, instructions, threads and days behind the results, in a line. */
void vc__made_with(FILE *out, const vc__book *book);
void vc__provenance(FILE *out, const vc__book *book);

/* page.css and page.js */
extern const char vc__page_css[], vc__page_js[];

#endif
