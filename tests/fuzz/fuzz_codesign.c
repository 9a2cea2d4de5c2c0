/* The folder of a run of codesign that goes on: its codesign.json behind a checksum that is right,
 * or the result of one of its steps; the others are as a run left them. The first byte says
 * which. */
#include "fuzzed_folder.h"

#include "../../src/recipe/recipe_impl.h"
#include "vitcod/checksum.h"

/* Two steps are enough to be gone through. */
static vc_recipe recipe_of_two(const char *folder)
{
    vc_recipe r = {.options = vc_recipe_options_default()};
    r.options.model = "/dev/null";
    r.options.folder = folder;
    r.options.program = "/bin/false";
    r.settings = json_pack("{s:s, s:f}", "MODEL", "/dev/null", "--sparsity", 0.9);
    static const char *const names[] = {"prune", "simulation", "finetune"};
    for (; r.count < sizeof names / sizeof *names; r.count++) {
        r.steps[r.count] = (vc_recipe_step){.name = names[r.count], .words = json_array()};
        snprintf(r.steps[r.count].result, sizeof r.steps->result, "%s.json", names[r.count]);
    }
    return r;
}

static void seal(const char *path, const uint8_t *data, size_t size)
{
    json_error_t error;
    json_t *whole = vc_json_parse((const char *)data, size, 0, &error);
    if (json_is_object(whole))
        (void)vc_json_write_sealed(path, whole);
    json_decref(whole);
}

/* As the run itself begins. */
static void settle(const char *path, const vc_recipe *recipe)
{
    json_t *whole = json_pack("{s:O}", "settings", recipe->settings);
    if (vc_json_write_sealed(path, whole) != VC_OK)
        abort();
    json_decref(whole);
}

static void go_on(const vc_recipe *recipe)
{
    json_t *begin = json_object();
    vc_recipe_summary summary;
    const vc_recipe_hooks hooks = {0};
    (void)vc_recipe_run(&summary, begin, recipe, &hooks);
    json_decref(begin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t result[] = "{\"sparsity\": 0.9, \"attention\": {\"cycles\": 100}}";
    char folder[128], path[256];
    if (size < 1)
        return 0;
    snprintf(folder, sizeof folder, "%s/run", fuzz_folder());
    mkdir(folder, 0700);
    vc_recipe recipe = recipe_of_two(folder);
    for (size_t i = 0; i < recipe.count; i++) {
        const int is_it = data[0] % (recipe.count + 1) == i;
        snprintf(path, sizeof path, "run/%s", recipe.steps[i].result);
        fuzz_folder_file(path, is_it ? data + 1 : result, is_it ? size - 1 : sizeof result - 1);
    }
    snprintf(path, sizeof path, "%s/codesign.json", folder);
    if (data[0] % (recipe.count + 1) == recipe.count)
        seal(path, data + 1, size - 1);
    else
        settle(path, &recipe);
    go_on(&recipe);
    go_on(&recipe);
    unlink(path);
    vc_recipe_close(&recipe);
    return 0;
}
