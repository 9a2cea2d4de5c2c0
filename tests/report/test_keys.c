/* Every key that the page and the table look up in a result is one of the verb's schema in
 * docs/schema, so that a key cannot be renamed without them. Each schema is made into a result that
 * has everything; this program's json_object_get (see CMakeLists.txt) holds each look-up against
 * the schema of the object. What a schema leaves open (a chip's description) is not held. */
#include <glob.h>
#include <stdbool.h>

#include "testing.h"
#include "vitcod/report.h"

enum { MOST_OBJECTS = 8192, MOST_VARIANTS = 3 };

/* All but `report`, whose results are put together from those of others. */
static const char *const verbs[] = {
    "attention", "autoencoder", "bench", "cache",    "calibrate", "classify", "codesign",
    "compare",   "devices",     "eval",  "export",   "import",    "infer",    "info",
    "polarize",  "profile",     "prune", "quantize", "simulate",  "sweep",    "train"};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* Looked for in the results of all verbs, to tell which evaluation belongs to which plan. */
static const char *const of_any_verb[] = {"plan_hash", "kept_share", "sparsity", "global_tokens"};

/* An object that was made, and the schema that it was made from. */
typedef struct made {
    const json_t *object, *schema;
    const char *verb;
} made;

static json_t *schemas; /* by verb */
static made objects[MOST_OBJECTS];
static size_t object_count, lookups;
static char unknown[4096]; /* the look-ups that do not fit, each once */

json_t *__real_json_object_get(const json_t *object, const char *key);
json_t *__wrap_json_object_get(const json_t *object, const char *key);

/* ---- a look-up */

static bool allows(const json_t *schema, const char *key)
{
    size_t i;
    json_t *variant;
    json_array_foreach (__real_json_object_get(schema, "anyOf"), i, variant)
        if (allows(variant, key))
            return true;
    const json_t *others = __real_json_object_get(schema, "additionalProperties");
    return __real_json_object_get(__real_json_object_get(schema, "properties"), key) ||
           (others && !json_is_false(others));
}

static bool is_of_any_verb(const made *m, const char *key)
{
    if (!__real_json_object_get(m->object, "verb"))
        return false;
    for (size_t i = 0; i < sizeof of_any_verb / sizeof *of_any_verb; i++)
        if (strcmp(of_any_verb[i], key) == 0)
            return true;
    return false;
}

static const json_t *items_of(const char *verb, const char *list)
{
    const json_t *properties =
        __real_json_object_get(__real_json_object_get(schemas, verb), "properties");
    return __real_json_object_get(__real_json_object_get(properties, list), "items");
}

/* Lines of logs do not say which verb wrote them: they are those of `train`, of `calibrate`, or the
 * points of a sweep. */
static bool is_of_any_line(const made *m, const char *key)
{
    return __real_json_object_get(m->object, "epoch") &&
           (allows(items_of("train", "epochs"), key) || allows(items_of("calibrate", "log"), key) ||
            strcmp(key, "point") == 0 || strcmp(key, "sweep_hash") == 0);
}

static void hold(const made *m, const char *key)
{
    char text[128];
    lookups++;
    if (allows(m->schema, key) || is_of_any_verb(m, key) || is_of_any_line(m, key))
        return;
    snprintf(text, sizeof text, " %.40s:%.60s;", m->verb, key);
    if (!strstr(unknown, text) && strlen(unknown) + strlen(text) < sizeof unknown)
        strcat(unknown, text);
}

json_t *__wrap_json_object_get(const json_t *object, const char *key)
{
    for (size_t i = 0; i < object_count; i++)
        if (objects[i].object == object)
            hold(&objects[i], key);
    return __real_json_object_get(object, key);
}

/* ---- results from schemas */

static json_t *make(const json_t *schema, const char *verb, size_t variant);

static void make_named(json_t *object, const json_t *schema, const char *verb, size_t variant)
{
    const json_t *others = __real_json_object_get(schema, "additionalProperties");
    if (json_is_object(others))
        json_object_set_new(object, "one", make(others, verb, variant));
}

static json_t *make_object(const json_t *schema, const char *verb, size_t variant)
{
    const char *key;
    json_t *property, *object = json_object();
    json_object_foreach (__real_json_object_get(schema, "properties"), key, property)
        json_object_set_new(object, key, make(property, verb, variant));
    make_named(object, schema, verb, variant);
    if (variant + 1 == MOST_VARIANTS && json_object_get(object, "device"))
        json_object_set_new(object, "device",
                            json_string("cpu")); /* what roofs of the CPU ask for */
    return object;
}

static json_t *make_list(const json_t *items, const char *verb, size_t variant)
{
    json_t *list = json_array();
    for (size_t i = 0; i < 2; i++)
        json_array_append_new(list, make(items, verb, variant));
    return list;
}

static const char *type_of(const json_t *schema)
{
    const json_t *type = __real_json_object_get(schema, "type");
    const char *text = json_string_value(json_is_array(type) ? json_array_get(type, 0) : type);
    return text ? text : "";
}

/* One of the variants; its objects may have the keys of any. */
static json_t *make_variant(const json_t *schema, const char *verb, size_t variant)
{
    const json_t *variants = __real_json_object_get(schema, "anyOf");
    const size_t first = object_count;
    const size_t last = json_array_size(variants) - 1;
    json_t *value = make(json_array_get(variants, variant < last ? variant : last), verb, variant);
    for (size_t i = first; i < object_count; i++)
        if (objects[i].object == value)
            objects[i].schema = schema;
    return value;
}

static json_t *make(const json_t *schema, const char *verb, size_t variant)
{
    static int number = 1;
    const char *type = type_of(schema);
    if (__real_json_object_get(schema, "anyOf"))
        return make_variant(schema, verb, variant);
    if (strcmp(type, "array") == 0)
        return make_list(__real_json_object_get(schema, "items"), verb, variant);
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return json_integer(number++ % 90 + 1);
    if (strcmp(type, "boolean") == 0)
        return json_true();
    if (strcmp(type, "string") == 0)
        return json_string("x");
    if (strcmp(type, "object") != 0)
        return json_null();
    json_t *object = make_object(schema, verb, variant);
    assert_true(object_count < MOST_OBJECTS);
    objects[object_count++] = (made){object, schema, verb};
    return object;
}

static json_t *result_of(const char *verb, size_t variant)
{
    json_t *schema = json_object_get(schemas, verb), *result;
    if (!schema) {
        char path[64];
        snprintf(path, sizeof path, "docs/schema/%s.json", verb);
        schema = json_load_file(path, 0, NULL);
        assert_non_null(schema);
        json_object_set_new(schemas, verb, schema);
    }
    result = make(schema, verb, variant);
    json_object_set_new(result, "verb", json_string(verb));
    return result;
}

static int open_schemas(void **state)
{
    (void)state;
    schemas = json_object();
    return 0;
}

static int close_schemas(void **state)
{
    json_decref(schemas);
    return remove_temporary(state);
}

/* What a stream of this test was written. */
static char *text_of(const char *path)
{
    char *text = calloc(1, 1 << 22);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_in_range(fread(text, 1, (1 << 22) - 1, file), 1, (1 << 22) - 2);
    fclose(file);
    return text;
}

static void assert_known(void)
{
    assert_true(lookups > 0);
    if (unknown[0])
        fail_msg("no key of docs/schema:%s", unknown);
    object_count = lookups = 0;
    unknown[0] = '\0';
}

static void every_schema_is_held(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("docs/schema/*.json", 0, NULL, &files), 0);
    assert_int_equal(files.gl_pathc, VERBS + 1);
    globfree(&files);
}

/* The epochs of `train` are a log's lines as well. */
static void the_page_reads_keys_of_schemas(void **state)
{
    (void)state;
    static const char *const sections[] = {"accuracy",    "heads",  "cpu",     "roofline",
                                           "accelerator", "rivals", "training"};
    json_t *results = json_object(), *logs = json_object();
    for (size_t v = 0; v < VERBS; v++)
        for (size_t variant = 0; variant < MOST_VARIANTS; variant++) {
            char file[64];
            snprintf(file, sizeof file, "%s%zu.json", verbs[v], variant);
            json_object_set_new(results, file, result_of(verbs[v], variant));
        }
    json_t *measured = make(items_of("compare", "measured"), "compare", 0);
    object_count--; /* what every result may have is not in it; its list is held */
    json_object_set_new(measured, "verb", json_string("measured"));
    json_object_set_new(results, "elsewhere.json", measured);
    json_object_set(logs, "train.jsonl",
                    json_object_get(json_object_get(results, "train0.json"), "epochs"));
    const vc_report_run run = {.name = "all", .results = results, .logs = logs};
    const vc_report report = {&run, 1, "vitcod report", "1.2.3", 0};
    const char *path = temporary("page.html");
    lookups = 0;
    assert_ok(vc_report_write(path, &report, NULL));
    assert_known();
    char *text = text_of(path);
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        char id[64];
        snprintf(id, sizeof id, "<section id=\"%s\"", sections[s]);
        if (!strstr(text, id))
            fail_msg("the page has no section '%s'", sections[s]);
    }
    assert_non_null(strstr(text, "Time of an image here and elsewhere"));
    assert_null(strstr(text, "class=\"notes\"")); /* all of it was read */
    free(text);
    json_decref(results);
    json_decref(logs);
}

static void the_table_reads_keys_of_schemas(void **state)
{
    (void)state;
    static const struct {
        const char *part, *verb;
        size_t variant;
    } parts[] = {
        {"dense", "eval", 0},        {"pruned", "eval", 0},         {"finetuned", "eval", 0},
        {"polarize", "polarize", 0}, {"calibrate", "calibrate", 0}, {"calibrated", "eval", 0},
        {"profile", "profile", 0},   {"simulate", "simulate", 0},   {"control", "simulate", 2}};
    size_t lines = 0;
    json_t *run = json_object();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        json_object_set_new(run, parts[i].part, result_of(parts[i].verb, parts[i].variant));
    const char *path = temporary("table.txt");
    FILE *out = fopen(path, "w");
    lookups = 0;
    vc_table_print(out, run);
    fclose(out);
    assert_known();
    char *text = text_of(path);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 16 + 2); /* two layers have global tokens */
    free(text);
    json_decref(run);
}

static void what_is_no_number_is_said(void **state)
{
    (void)state;
    const char *path = temporary("odd.txt");
    json_t *run = json_pack("{s:{s:s}}", "dense", "top1", "high");
    FILE *out = fopen(path, "w");
    vc_table_print(out, run);
    fclose(out);
    char *text = text_of(path);
    assert_non_null(strstr(text, "top-1, dense"));
    assert_non_null(strstr(text, " unreadable: no number\n"));
    free(text);
    json_decref(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_schema_is_held),
                                       cmocka_unit_test(the_page_reads_keys_of_schemas),
                                       cmocka_unit_test(the_table_reads_keys_of_schemas),
                                       cmocka_unit_test(what_is_no_number_is_said)};
    return cmocka_run_group_tests(tests, open_schemas, close_schemas);
}
