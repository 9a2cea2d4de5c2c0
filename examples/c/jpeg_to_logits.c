/* The logits of one image. usage: jpeg_to_logits MODEL IMAGE [MASK.npy] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vitcod/vitcod.h>

static void on_broken(void *context, size_t index, const char *name, const char *message)
{
    (void)context, (void)index, (void)name;
    fprintf(stderr, "%s\n", message);
}

/* The pixels as the model wants them: resized, its centre cut out, normalised. */
static vc_status read_image(float *pixels, const char *path, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const vc_source_options files = vc_source_options_default();
    vc_loader_options options = vc_loader_options_default();
    vc_source *source;
    vc_loader *loader = NULL;
    vc_loaded loaded = {0};
    options.size = (vc_extent){input.height, input.width};
    options.channels = input.channels;
    memcpy(options.mean, input.mean, sizeof options.mean);
    memcpy(options.std, input.std, sizeof options.std);
    options.on_broken = on_broken;
    VC_TRY(vc_source_of_files(&source, &path, 1, &files));
    vc_status status = vc_loader_open(&loader, source, &options);
    if (status == VC_OK)
        status = vc_loader_next(&loaded, loader);
    if (status == VC_OK && loaded.count == 1)
        memcpy(pixels, loaded.x, vc_model_image_values(&model->config) * sizeof *pixels);
    else if (status == VC_OK)
        status = vc_fail(VC_EFORMAT, "%s: no image", path);
    vc_loader_close(loader);
    vc_source_close(source);
    return status;
}

static vc_status run(float *logits, const float *pixels, const vc_model *model)
{
    const vc_engine_options options = vc_engine_options_default();
    vc_engine *engine;
    VC_TRY(vc_engine_open(&engine, model, &options));
    const vc_status status = vc_engine_run(engine, logits, pixels, 1);
    vc_engine_close(engine);
    return status;
}

static vc_status print_logits(const vc_model *model, const char *image)
{
    const size_t classes = vc_model_input_of(&model->config).outputs;
    float *pixels = malloc(vc_model_image_values(&model->config) * sizeof *pixels);
    float *logits = malloc(classes * sizeof *logits);
    vc_status status =
        pixels && logits ? read_image(pixels, image, model) : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK)
        status = run(logits, pixels, model);
    for (size_t c = 0; status == VC_OK && c < classes; c++)
        printf("%zu %.6f\n", c, logits[c]);
    free(logits);
    free(pixels);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s MODEL IMAGE [MASK.npy]\n", argv[0]);
        return 2;
    }
    const vc_model_options options = {.in_place = 1};
    vc_model *model;
    vc_status status = vc_model_open(&model, argv[1], &options);
    if (status == VC_OK) {
        status = vc_model_use_files(model, argc > 3 ? argv[3] : NULL, NULL);
        if (status == VC_OK)
            status = print_logits(model, argv[2]);
        vc_model_close(model);
    }
    if (status != VC_OK)
        fprintf(stderr, "%s\n", vc_last_error());
    return status != VC_OK;
}
