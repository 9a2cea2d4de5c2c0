/* Models and plans on chips, as `simulate` runs them. */
#include "../with_summaries.h"
#include "small_masks.h"
#include "vitcod/chip_summary.h"
#include "vitcod/point.h"
#include "vitcod/polarize.h"
#include "vitcod/subject.h"
#include "vitcod/timeline.h"

static vc_model_config tiny_model(void)
{
    vc_model_config config;
    assert_ok(vc_model_preset(&config, "deit_tiny_patch16_224"));
    return config;
}

static vc_plan small_plan(const vc_model_config *model)
{
    vc_plan plan;
    assert_ok(
        vc_subject_plan(&plan, model, write_small_masks(), "deit_tiny_patch16_224", 0.95, 50));
    return plan;
}

static void a_timeline_is_of_the_model(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    const vc_accelerator chip = vc_accelerator_default();
    vc_plan plan = small_plan(&model);
    const vc_timeline_options how = {.functional = true, .seed = 1};
    vc_simulation s;
    vc_timeline t;
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_ok(vc_simulation_check(&s));
    assert_ok(vc_timeline_run(&t, &s, &how));
    assert_true(t.of_model && t.bounded && t.bit_exact);
    assert_int_equal(t.checked.layers, 12);
    assert_true(t.attention.all.work.cycles >= t.bound.attention.cycles);
    assert_true(t.end_to_end.all.work.cycles >= t.bound.end_to_end.cycles);
    assert_true(t.end_to_end.all.work.cycles > t.attention.all.work.cycles);
    vc_timeline_close(&t);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
}

/* What layers, operators and stages did adds up to the whole, and so does the energy. */
static void parts_add_up(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    const vc_accelerator chip = vc_accelerator_default();
    vc_plan plan = small_plan(&model);
    const vc_timeline_options how = {0};
    vc_simulation s;
    vc_timeline t;
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_ok(vc_timeline_run(&t, &s, &how));
    const vc_chip_summary *const runs[] = {&t.attention, &t.end_to_end};
    const size_t layers[] = {12, 14}; /* and the patches' and the classifier's */
    for (size_t r = 0; r < 2; r++) {
        const vc_chip_summary *run = runs[r];
        uint64_t cycles[3] = {0}, read[3] = {0}, lines = 0;
        double uj[3] = {0.0}, access_uj[3] = {0.0}, standby_uj[3] = {0.0};
        assert_int_equal(run->layer_count, layers[r]);
        for (size_t i = 0; i < run->layer_count + run->operator_count + run->stage_count; i++) {
            const size_t of = i < run->layer_count                         ? 0
                              : i < run->layer_count + run->operator_count ? 1
                                                                           : 2;
            const vc_chip_work *w =
                of == 0   ? &run->layers[i].work
                : of == 1 ? &run->operators[i - run->layer_count].work
                          : &run->stages[i - run->layer_count - run->operator_count].work;
            cycles[of] += w->cycles;
            read[of] += w->read_bytes[VC_BUFFER_OUTPUT];
            uj[of] += w->on_chip_uj;
            access_uj[of] += w->dram_access_uj;
            standby_uj[of] += w->dram_standby_uj;
            /* all stages move data, and take time */
            assert_true(w->dram_access_uj > 0.0 && w->dram_standby_uj > 0.0);
            /* never above the roof, and never less than what the lines used */
            assert_true(w->roof_share <= 1.0 && w->roof_share >= w->mac_utilisation - 1e-12);
            assert_near(w->macs_per_byte * (double)w->dram_bytes, (double)w->macs,
                        1e-9 * (double)w->macs);
        }
        for (size_t of = 0; of < 3; of++) {
            assert_int_equal(cycles[of], run->all.work.cycles);
            assert_int_equal(read[of], run->all.work.read_bytes[VC_BUFFER_OUTPUT]);
            assert_near(uj[of], run->on_chip_uj, 1e-9 * run->on_chip_uj);
            assert_near(access_uj[of], run->dram_access_uj, 1e-9 * run->dram_access_uj);
            assert_near(standby_uj[of], run->dram_standby_uj, 1e-9 * run->dram_standby_uj);
        }
        for (size_t spent = 0; spent < VC_SPENT_COUNT; spent++)
            lines += run->all.work.line_cycles[spent];
        assert_int_equal(lines, 64 * run->all.work.cycles);
        assert_near(run->on_chip_uj + run->dram_access_uj + run->dram_standby_uj, run->energy_uj,
                    1e-9 * run->energy_uj);
    }
    vc_timeline_close(&t);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
}

/* A model's layers with 3 x 3 summaries and with one, and one without: data comes out as it should,
 * with an auto-encoder, too, and QKV takes longer by what is stored. */
static void summaries_flow_through_a_model(void **state)
{
    (void)state;
    const vc_accelerator chip = vc_accelerator_default();
    const vc_timeline_options how = {.functional = true, .seed = 1};
    for (int coded = 0; coded < 2; coded++) {
        vc_model_config model = tiny_model();
        vc_plan plan = small_plan(&model);
        vc_timeline with, without;
        vc_simulation s;
        if (coded)
            assert_ok(vc_model_compress(&model, 0, VC_CODED_QK));
        assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
        assert_null(s.summaries);
        assert_ok(vc_timeline_run(&without, &s, &how));
        vc_simulation_close(&s);
        for (size_t l = 1; l < plan.layer_count; l++)
            add_summaries(&plan.layers[l], l < 9 ? 9 : 1, l);
        assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
        assert_string_equal(s.summaries, "computed");
        assert_ok(vc_timeline_run(&with, &s, &how));
        assert_true(with.bit_exact && with.checked.layers == 12);
        const uint64_t summaries = 8 * 9 + 3, k = coded ? 2 : 3;
        const vc_chip_work *a = &with.attention.all.work, *b = &without.attention.all.work;
        assert_int_equal(a->macs - b->macs, 2 * 3 * 197 * summaries * 64);
        assert_int_equal(a->bytes.biases, 2 * 3 * 197 * summaries);
        assert_int_equal(a->dram_bytes - b->dram_bytes, a->bytes.biases + (k + 3) * 64 * summaries);
        assert_int_equal(with.end_to_end.all.work.bytes.stored -
                             without.end_to_end.all.work.bytes.stored,
                         (k + 3) * 64 * summaries);
        assert_true(a->cycles >= with.bound.attention.cycles);
        assert_true(with.end_to_end.all.work.cycles - a->cycles >
                    without.end_to_end.all.work.cycles - b->cycles);
        vc_timeline_close(&with);
        vc_timeline_close(&without);
        vc_simulation_close(&s);
        vc_plan_close(&plan);
    }
}

/* Pooling by queries is QKV's: attention stays as it was, 3 x 64 more values of 16 bit come beside
 * the weights of a layer, and softmax sees the 196 pooled tokens of each head. */
static void queries_flow_through_a_model(void **state)
{
    (void)state;
    const vc_accelerator chip = vc_accelerator_default();
    const vc_timeline_options how = {.functional = true, .seed = 1};
    for (int coded = 0; coded < 2; coded++) {
        vc_model_config model = tiny_model();
        vc_plan plan = small_plan(&model);
        vc_timeline with, without;
        vc_simulation s;
        if (coded)
            assert_ok(vc_model_compress(&model, 0, VC_CODED_QK));
        for (size_t l = 1; l < plan.layer_count; l++)
            add_summaries(&plan.layers[l], l < 9 ? 9 : 1, l);
        assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
        assert_ok(vc_timeline_run(&without, &s, &how));
        vc_simulation_close(&s);
        for (size_t l = 1; l < plan.layer_count; l++)
            add_queries(&plan.layers[l], 64, 1.0f, l);
        assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
        assert_string_equal(s.summaries, "computed");
        assert_ok(vc_timeline_run(&with, &s, &how));
        assert_true(with.bit_exact && with.checked.layers == 12);
        const vc_chip_work *a = &with.attention.all.work, *b = &without.attention.all.work,
                           *c = &with.end_to_end.all.work, *d = &without.end_to_end.all.work;
        assert_int_equal(a->cycles, b->cycles);
        assert_int_equal(a->macs, b->macs);
        assert_int_equal(a->dram_bytes, b->dram_bytes);
        assert_int_equal(c->macs, d->macs);
        assert_int_equal(c->dram_bytes - d->dram_bytes, 11 * 3 * 64 * 2);
        assert_int_equal(
            with.end_to_end.all.units[VC_CHIP_UNIT_SOFTMAX].spent[VC_SPENT_BUSY] -
                without.end_to_end.all.units[VC_CHIP_UNIT_SOFTMAX].spent[VC_SPENT_BUSY],
            3 * (8 * 9 * 2 + 3 * 13));
        assert_true(c->cycles > d->cycles);
        assert_true(with.bound.attention.cycles == without.bound.attention.cycles);
        vc_timeline_close(&with);
        vc_timeline_close(&without);
        vc_simulation_close(&s);
        vc_plan_close(&plan);
    }
}

/* A LeViT's layers have fewer queries than keys where they shrink, and values wider than keys. */
static void summaries_flow_through_a_levit(void **state)
{
    (void)state;
    const vc_accelerator chip = vc_accelerator_default();
    const vc_timeline_options how = {.functional = true, .seed = 1};
    vc_model_config model;
    vc_plan plan = {0};
    vc_timeline t;
    vc_simulation s;
    assert_ok(vc_model_preset(&model, "levit_128"));
    for (size_t l = 0; l < vc_model_layers(&model); l++) {
        const vc_attention_layer sizes = vc_model_layer(&model, l);
        vc_mask mask;
        vc_plan one;
        assert_ok(vc_mask_open(&mask, 1, sizes.heads, sizes.queries, sizes.keys));
        for (size_t i = 0; i < sizes.heads * sizes.queries * sizes.keys; i++)
            mask.pruned[i] = i % 5 != 0 && i % sizes.keys != 0;
        assert_ok(vc_polarize(&one, &mask, sizes.queries / 2, "mask"));
        add_summaries(&one.layers[0], 4, l);
        if (l % 2)
            add_queries(&one.layers[0], sizes.head_dim, 1.0f, l);
        assert_ok(vc_plan_append(&plan, &one));
        vc_mask_close(&mask);
    }
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_ok(vc_timeline_run(&t, &s, &how));
    assert_true(t.bit_exact);
    assert_int_equal(t.checked.layers, plan.layer_count);
    assert_true(t.end_to_end.all.work.cycles >= t.bound.end_to_end.cycles);
    vc_timeline_close(&t);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
}

/* Sanger gets the mask alone, and so the same cycles; what prunes nothing needs no summaries. */
static void other_chips_leave_summaries_out(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    static const char *const words[][2] = {{"vitcod", "computed"},
                                           {"prune", "computed"},
                                           {"sanger", "left out: the mask's entries alone"},
                                           {"dense", "left out: its attention is dense"},
                                           {"systolic", "left out: its attention is dense"},
                                           {"spatten", "left out: it prunes in its own way"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        vc_plan plan = small_plan(&model);
        vc_accelerator chip;
        vc_simulation s;
        vc_point with, without;
        assert_ok(vc_accelerator_open(&chip, words[i][0]));
        assert_ok(vc_point_run(&without, &model, &plan, 0, &chip, 0));
        assert_string_equal(vc_plan_method(&plan), "kept entries alone");
        add_summaries(&plan.layers[3], 9, 3);
        assert_string_equal(vc_plan_method(&plan), "with summaries");
        assert_ok(vc_point_run(&with, &model, &plan, 0, &chip, 0));
        const int computed = strcmp(words[i][1], "computed") == 0;
        assert_true(computed ? with.cycles > without.cycles : with.cycles == without.cycles);
        assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
        assert_string_equal(s.summaries, words[i][1]);
        vc_simulation_close(&s);
        vc_plan_close(&plan);
    }
}

/* The same cycles, whether a model brings the plan or nobody does. */
static void a_plan_alone_is_its_attention(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    const vc_accelerator chip = vc_accelerator_default();
    vc_plan plan = small_plan(&model);
    const vc_simulation_options how = {.attention_only = 1};
    vc_simulation s;
    vc_chip_result r;
    double cycles;
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_ok(vc_simulation_run(&r, &s, &how));
    assert_ok(vc_point_plan_cycles(&cycles, &plan, 64, &chip));
    assert_near(cycles, (double)r.total.cycles, 0.0);
    vc_chip_result_close(&r);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
}

static void what_a_chip_cannot_is_refused(void **state)
{
    (void)state;
    vc_model_config model = tiny_model();
    vc_accelerator chip;
    vc_simulation s;
    vc_bound bound;
    assert_ok(vc_model_compress(&model, 0, VC_CODED_QK));
    assert_ok(vc_accelerator_open(&chip, "sanger"));
    assert_ok(vc_simulation_of_model(&s, &model, NULL, &chip, "plan"));
    assert_fails(vc_simulation_check(&s), VC_EINVAL, "has 'autoencoder: false', and 'qk'");
    assert_fails(vc_simulation_bound(&bound, &s, 1), VC_EUNSUPPORTED,
                 "the dataflow sanger does other work");
    vc_simulation_close(&s);
}

static vc_status bound_of_seven(vc_bound *out, const vc_workload *workload,
                                const vc_bound_config *config, int attention_only)
{
    (void)workload;
    (void)config;
    *out = (vc_bound){.cycles = attention_only ? 7 : 8};
    return VC_OK;
}

static vc_status no_bound(vc_bound *out, const vc_workload *workload, const vc_bound_config *config,
                          int attention_only)
{
    *out = (vc_bound){0};
    (void)workload;
    (void)config;
    (void)attention_only;
    return vc_fail(VC_EINVAL, "too much to count");
}

/* That of the chip's kind; where it cannot be found, the timeline cannot either. */
static void a_bound_is_of_the_kind(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    vc_accelerator chip = vc_accelerator_default();
    vc_chip_kind kind = *chip.chip.kind;
    const vc_timeline_options how = {0};
    vc_simulation s;
    vc_timeline t;
    chip.chip.kind = &kind;
    assert_ok(vc_simulation_of_model(&s, &model, NULL, &chip, "plan"));
    kind.bound = bound_of_seven;
    assert_ok(vc_timeline_run(&t, &s, &how));
    assert_true(t.bounded);
    assert_int_equal(t.bound.attention.cycles, 7);
    assert_int_equal(t.bound.end_to_end.cycles, 8);
    vc_timeline_close(&t);
    kind.bound = no_bound;
    assert_fails(vc_timeline_run(&t, &s, &how), VC_EINVAL, "too much to count");
    vc_timeline_close(&t);
    vc_simulation_close(&s);
}

static void run_batch(vc_chip_result out[2], const vc_accelerator *chip, const vc_plan *plan)
{
    const vc_model_config model = tiny_model();
    for (int attention = 0; attention < 2; attention++) {
        const vc_simulation_options how = {.attention_only = attention};
        vc_simulation s;
        vc_bound bound;
        assert_ok(vc_simulation_of_model(&s, &model, plan, chip, "plan"));
        assert_ok(vc_simulation_run(&out[attention], &s, &how));
        assert_ok(vc_simulation_bound(&bound, &s, attention));
        assert_true(out[attention].total.cycles >= bound.cycles);
        assert_int_equal(out[attention].total.macs, bound.macs);
        vc_simulation_close(&s);
    }
}

/* Weights come once for all images, attention is each image's own. On scratchpads that hold all
 * rows of the batch; on a memory that is a rate no image's attention knows of the others. */
static void a_batch_shares_weights(void **state)
{
    (void)state;
    enum { IMAGES = 3 };
    const vc_model_config model = tiny_model();
    vc_plan plan = small_plan(&model);
    vc_accelerator chip;
    vc_chip_result one[2], all[2];
    assert_ok(vc_accelerator_open_with(&chip, "prune-reorder", "bandwidth"));
    chip.chip.buffers[VC_BUFFER_DECODED].bytes = 8 << 20;
    run_batch(one, &chip, &plan);
    chip.chip.batch = IMAGES;
    run_batch(all, &chip, &plan);
    assert_int_equal(all[0].total.weight_bytes, one[0].total.weight_bytes);
    for (int attention = 0; attention < 2; attention++) {
        assert_int_equal(all[attention].total.macs, IMAGES * one[attention].total.macs);
        assert_int_equal(all[attention].total.stored_bytes,
                         IMAGES * one[attention].total.stored_bytes);
        assert_int_equal(all[attention].total.loaded_bytes[VC_BUFFER_KEY],
                         IMAGES * one[attention].total.loaded_bytes[VC_BUFFER_KEY]);
    }
    assert_int_equal(all[1].total.cycles, IMAGES * one[1].total.cycles);
    assert_true(all[0].total.cycles < IMAGES * one[0].total.cycles);
    for (int i = 0; i < 2; i++) {
        vc_chip_result_close(&one[i]);
        vc_chip_result_close(&all[i]);
    }
    vc_plan_close(&plan);
}

/* Twice the bytes, four times the MACs' time (eq. D31), of the same work. */
static void sixteen_bits_are_two_bytes_and_four_products(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    vc_plan plan = small_plan(&model);
    vc_accelerator chip;
    const vc_accelerator usual = vc_accelerator_default();
    vc_chip_result narrow[2], wide[2];
    vc_simulation s;
    assert_ok(vc_accelerator_open_with(&chip, "prune-reorder", "bandwidth"));
    chip.chip.buffers[VC_BUFFER_DECODED].bytes = 8 << 20; /* products pass once */
    run_batch(narrow, &chip, &plan);
    chip.chip.precision = 16;
    run_batch(wide, &chip, &plan);
    for (int attention = 0; attention < 2; attention++) {
        const vc_chip_counts *a = &narrow[attention].total, *b = &wide[attention].total;
        assert_int_equal(b->macs, a->macs);
        assert_int_equal(b->stored_bytes, 2 * a->stored_bytes);
        assert_int_equal(b->weight_bytes, 2 * a->weight_bytes);
        assert_int_equal(b->loaded_bytes[VC_BUFFER_VALUE], 2 * a->loaded_bytes[VC_BUFFER_VALUE]);
        for (int u = 0; u <= VC_CHIP_UNIT_LINEAR; u++)
            assert_int_equal(b->spent[u][VC_SPENT_BUSY], 4 * a->spent[u][VC_SPENT_BUSY]);
        const double mac[] = {
            vc_chip_energy_of(a, &usual.chip, &chip.energy, &narrow[attention].memory)
                .pj[VC_ENERGY_LINES],
            vc_chip_energy_of(b, &chip.chip, &chip.energy, &wide[attention].memory)
                .pj[VC_ENERGY_LINES]};
        assert_near(mac[1], 4.0 * mac[0], 1e-6 * mac[1]);
        vc_chip_result_close(&narrow[attention]);
        vc_chip_result_close(&wide[attention]);
    }
    chip.chip.precision = 12;
    assert_fails(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"), VC_EINVAL,
                 "'precision' is 12, wanted 8, 16 or 32");
    vc_plan_close(&plan);
}

static void what_a_batch_cannot_be_is_refused(void **state)
{
    (void)state;
    const vc_model_config model = tiny_model();
    const vc_timeline_options data = {.functional = true};
    vc_plan plan = small_plan(&model);
    vc_accelerator chip = vc_accelerator_default();
    vc_simulation s;
    vc_timeline t;
    vc_workload w = {0};
    vc_chip_result r;
    chip.chip.batch = 5000;
    assert_fails(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"), VC_EINVAL,
                 "'batch' is 5000, wanted 0 to 4096");
    chip.chip.batch = 2;
    assert_ok(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"));
    assert_fails(vc_timeline_run(&t, &s, &data), VC_EINVAL,
                 "data of one image on a chip whose 'batch' is 2, wanted 1");
    vc_timeline_close(&t);
    chip.chip.precision = 32;
    chip.chip.batch = 0;
    s.workload.images = 0;
    assert_fails(vc_timeline_run(&t, &s, &data), VC_EINVAL,
                 "data of 8 bit on a chip whose 'precision' is 32, wanted 8");
    vc_timeline_close(&t);
    chip.chip.precision = 0;
    s.workload.images = chip.chip.batch = 2;
    assert_fails(vc_simulation_write_gemms(&s, temporary("gemms.csv")), VC_EINVAL,
                 "products of 2 images, wanted those of one");
    vc_simulation_close(&s);
    const vc_chip_options o = {.config = &chip.chip, .memory = &chip.memory};
    assert_fails(vc_chip_simulate(&r, &w, NULL, &o), VC_EINVAL,
                 "a workload of 1 images on a chip whose 'batch' is 2");
    for (size_t l = 0; l < plan.layer_count; l++)
        add_summaries(&plan.layers[l], 3, 1);
    assert_fails(vc_simulation_of_model(&s, &model, &plan, &chip, "plan"), VC_EUNSUPPORTED,
                 "a batch of 2 images on a plan with summaries");
    vc_plan_close(&plan);
}

/* Cycles of a layer's attention, three heads of 197 tokens and 64 values, each query keeping the
 * class token and `band` keys from its own on; Q and K in so many compressed heads (0: as they are)
 * behind a memory of so many GB/s. */
static uint64_t band_cycles(size_t band, size_t compressed, double gb_per_s)
{
    enum { HEADS = 3, TOKENS = 197 };
    const size_t heads[2] = {compressed, compressed};
    const vc_simulation_options how = {.attention_only = 1};
    vc_mask mask;
    vc_plan plan;
    vc_accelerator chip;
    vc_simulation s;
    vc_chip_result r;
    assert_ok(vc_mask_open(&mask, 1, HEADS, TOKENS, TOKENS));
    for (size_t i = 0; i < (size_t)HEADS * TOKENS * TOKENS; i++) {
        const size_t key = i % TOKENS, query = i / TOKENS % TOKENS;
        mask.pruned[i] = key > 0 && (key < query || key >= query + band);
    }
    assert_ok(vc_polarize(&plan, &mask, VC_POLARIZE_THRESHOLD, "mask"));
    vc_mask_close(&mask);
    assert_ok(vc_accelerator_open_with(&chip, "vitcod", "bandwidth"));
    chip.memory.bytes_per_second = gb_per_s * 1e9;
    assert_ok(vc_simulation_of_plan(&s, &plan, 64, heads, &chip, "plan"));
    assert_ok(vc_simulation_run(&r, &s, &how));
    const uint64_t cycles = r.total.cycles;
    vc_chip_result_close(&r);
    vc_simulation_close(&s);
    vc_plan_close(&plan);
    return cycles;
}

/* That it pays at a quarter of the bandwidth is true of one mask and not of another, and at all of
 * the bandwidth of neither. */
static void whether_the_auto_encoder_pays(void **state)
{
    (void)state;
    enum { NARROW = 5, WIDE = 40 };
    assert_true(band_cycles(NARROW, 2, 19.2) < band_cycles(NARROW, 0, 19.2));
    assert_true(band_cycles(WIDE, 2, 19.2) > band_cycles(WIDE, 0, 19.2));
    assert_true(band_cycles(NARROW, 2, 76.8) > band_cycles(NARROW, 0, 76.8));
    assert_true(band_cycles(WIDE, 2, 76.8) > band_cycles(WIDE, 0, 76.8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeline_is_of_the_model),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(summaries_flow_through_a_model),
        cmocka_unit_test(queries_flow_through_a_model),
        cmocka_unit_test(summaries_flow_through_a_levit),
        cmocka_unit_test(other_chips_leave_summaries_out),
        cmocka_unit_test(a_plan_alone_is_its_attention),
        cmocka_unit_test(what_a_chip_cannot_is_refused),
        cmocka_unit_test(a_bound_is_of_the_kind),
        cmocka_unit_test(a_batch_shares_weights),
        cmocka_unit_test(sixteen_bits_are_two_bytes_and_four_products),
        cmocka_unit_test(what_a_batch_cannot_be_is_refused),
        cmocka_unit_test(whether_the_auto_encoder_pays),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
