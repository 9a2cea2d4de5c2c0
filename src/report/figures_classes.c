/* Accuracy class by class. */
#include <math.h>
#include <string.h>

#include "report_impl.h"

typedef struct class_list {
    char names[VC__MOST_NAMES][VC__LABEL];
    const char *pointers[VC__MOST_NAMES];
    size_t count; /* highest class + 1 */
} class_list;

static const json_t *classes_of(const vc__result *r, const char *data)
{
    return vc__is(r, "eval") && strcmp(r->data, data) == 0 ? json_object_get(r->json, "classes")
                                                           : NULL;
}

/* A class without a name is called by its number. */
static void add_names(class_list *list, const json_t *classes)
{
    size_t i;
    json_t *class;
    json_array_foreach ((json_t *)classes, i, class) {
        const double number = vc__number_at(class, "class");
        if (!(number >= 0.0 && number < 1e6))
            continue;
        const size_t at = (size_t)number;
        list->count = at + 1 > list->count ? at + 1 : list->count;
        if (at < VC__MOST_NAMES && vc__text_at(class, "name")[0])
            snprintf(list->names[at], VC__LABEL, "%.150s", vc__text_at(class, "name"));
    }
}

static void find_names(class_list *list, const vc__book *book, const char *data)
{
    list->count = 0;
    for (size_t i = 0; i < VC__MOST_NAMES; i++) {
        snprintf(list->names[i], VC__LABEL, "class %zu", i);
        list->pointers[i] = list->names[i];
    }
    for (size_t i = 0; i < book->result_count; i++)
        add_names(list, classes_of(&book->results[i], data));
}

/* With few classes each has a line with its name; with many, its number is on the axis. */
static void add_classes(vc__plot *p, vc__book *book, const vc__result *r, const json_t *classes)
{
    size_t i;
    json_t *class;
    if (json_array_size(classes) == 0)
        return;
    const size_t series = vc__plot_series(p, VC__POINTS, "%s", r->label);
    json_array_foreach ((json_t *)classes, i, class) {
        const double number = vc__number_at(class, "class"), top1 = vc__number_at(class, "top1");
        const size_t at = number >= 0.0 && number < 1e6 ? (size_t)number : 0;
        vc__plot_mark(p, series, p->y_name_count ? top1 : number, p->y_name_count ? number : top1,
                      "%s", p->y_name_count ? p->y_names[at] : vc__text_at(class, "name"));
    }
    book->used[r->run] = 1;
}

vc_status vc__classes(FILE *out, vc__book *book, const char *data)
{
    class_list list;
    char title[VC__TITLE];
    vc__data_title(title, "Accuracy by class", data);
    find_names(&list, book, data);
    vc__plot p = {.title = title,
                  .note = "What pruning does to each class.",
                  .x_label = "class (its number)",
                  .y_label = "top-1 (%)"};
    if (list.count <= VC__MOST_NAMES) {
        p.x_label = "top-1 (%)";
        p.y_label = "";
        p.y_names = list.pointers;
        p.y_name_count = list.count;
    }
    for (size_t i = 0; i < book->result_count; i++)
        add_classes(&p, book, &book->results[i], classes_of(&book->results[i], data));
    return vc__plot_draw(out, book, &p);
}
