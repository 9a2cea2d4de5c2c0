// Runs RTL on the vectors of `vitcod simulate --vectors` and holds it against them: results bit by
// bit, cycles of each head and layer. Usage: tb VECTORS [--phases | --timeline LAYER]; the latter
// prints lines at work and softmax in each cycle of a layer.
#include <verilated.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "Vtb.h"
#include "Vtb___024root.h"
#include "vitcod/safetensors.h"

namespace
{

enum phase_field {
    SUMS,
    HEAD,
    QUERY_FIRST,
    QUERY_END,
    FIRST = 8,
    LAST,
    STEP,
    QUERY_LOAD,
    PHASE_FIELDS = 20
};
enum size_field { HEADS, QUERIES, KEYS, HEAD_DIM, VALUE_DIM, SUMMARIES, LAYER, CYCLES };

[[noreturn]] void fail(const std::string &what)
{
    fprintf(stderr, "tb: %s\n", what.c_str());
    exit(1);
}

template <typename T> struct array {
    const T *at = nullptr;
    std::vector<size_t> shape;
    size_t count = 0;
};

template <typename T> array<T> tensor(const vc_tensor_file *file, int layer, const char *name)
{
    const std::string full = "layer." + std::to_string(layer) + "." + name;
    const vc_tensor *t = vc_tensor_file_find(file, full.c_str());
    array<T> a;
    if (t) {
        a.at = static_cast<const T *>(t->data);
        a.shape.assign(t->shape, t->shape + t->rank);
        a.count = vc_tensor_count(t);
    }
    return a;
}

struct result {
    uint64_t cycles = 0, wrong = 0, values = 0;
    std::vector<uint64_t> ends; // of phases
};

struct bench {
    VerilatedContext context;
    Vtb dut{&context};
    const vc_tensor_file *file;
    int layer;
    bool timeline = false;
    array<int64_t> sizes, phases, loads, ends;

    uint64_t size(size_field f) const
    {
        return static_cast<uint64_t>(sizes.at[f]);
    }
    int64_t phase(size_t p, int f) const
    {
        return phases.at[p * PHASE_FIELDS + f];
    }

    void tick()
    {
        dut.clk = 0;
        dut.eval();
        dut.clk = 1;
        dut.eval();
    }

    void fill_phases()
    {
        auto &to = dut.rootp->tb__DOT__attention__DOT__phases;
        const size_t fields = loads.shape[1];
        if (phases.shape[0] > sizeof to / sizeof to[0] ||
            loads.shape[0] > sizeof dut.rootp->tb__DOT__attention__DOT__the_dma__DOT__loads /
                                 sizeof dut.rootp->tb__DOT__attention__DOT__the_dma__DOT__loads[0])
            fail("more phases or loads than the test bench has room for");
        for (size_t p = 0; p < phases.shape[0]; p++) {
            unsigned halves = 0, most = 0;
            for (int f = 0; f < PHASE_FIELDS; f++)
                to[p][f] = static_cast<uint32_t>(phase(p, f));
            to[p][SUMS] = phase(p, SUMS) == 2;
            for (int b = 0; b < 4; b++) {
                const int64_t load = phase(p, QUERY_LOAD + b);
                if (load < 0)
                    continue;
                halves |= static_cast<unsigned>(loads.at[load * fields + 1]) << b;
                most = std::max(most, static_cast<unsigned>(load + 1));
            }
            to[p][PHASE_FIELDS] = halves;
            to[p][PHASE_FIELDS + 1] = most;
        }
    }

    void fill_loads()
    {
        auto &to = dut.rootp->tb__DOT__attention__DOT__the_dma__DOT__loads;
        const size_t fields = loads.shape[1];
        uint64_t indices = 0;
        for (size_t l = 0; l < loads.shape[0]; l++) {
            const int64_t *f = loads.at + l * fields;
            const bool index = f[0] == 3;
            const uint64_t tokens = f[0] == 0 ? size(QUERIES) : size(KEYS) + size(SUMMARIES);
            to[l][0] = static_cast<uint32_t>(f[0]);
            to[l][1] = static_cast<uint32_t>(f[1]);
            to[l][2] = static_cast<uint32_t>(index ? indices : f[2] * tokens + f[3]);
            to[l][3] = static_cast<uint32_t>(index ? 64 : f[5] / f[4]);
            to[l][4] = static_cast<uint32_t>(f[5]);
            to[l][5] = static_cast<uint32_t>(f[6]);
            indices += index ? f[5] / 2 : 0;
        }
    }

    void fill_tokens(int which, const char *name)
    {
        auto &to = dut.rootp->tb__DOT__tokens[which];
        const array<int8_t> from = tensor<int8_t>(file, layer, name);
        const size_t width = from.shape[2], rows = from.shape[0] * from.shape[1];
        if (rows > sizeof to / sizeof to[0] || width > sizeof to[0])
            fail("more tokens, or wider ones, than the test bench has room for");
        for (size_t r = 0; r < rows; r++) {
            memset(static_cast<void *>(&to[r]), 0, sizeof to[r]);
            memcpy(static_cast<void *>(&to[r]), from.at + r * width, width);
        }
    }

    void fill_rows()
    {
        auto &root = *dut.rootp;
        const array<int32_t> bias = tensor<int32_t>(file, layer, "bias"),
                             whole = tensor<int32_t>(file, layer, "whole"),
                             lengths = tensor<int32_t>(file, layer, "lengths"),
                             index = tensor<int32_t>(file, layer, "index");
        const array<uint8_t> kept = tensor<uint8_t>(file, layer, "kept");
        const size_t rows = size(HEADS) * size(QUERIES), keys = kept.shape[2], g = size(SUMMARIES);
        if (rows > sizeof root.tb__DOT__attention__DOT__row_whole /
                       sizeof root.tb__DOT__attention__DOT__row_whole[0] ||
            index.count > sizeof root.tb__DOT__index / sizeof root.tb__DOT__index[0])
            fail("more rows or indices than the test bench has room for");
        if (keys >
                8 * sizeof root.tb__DOT__attention__DOT__the_output_scratchpad__DOT__row_kept[0] ||
            g * sizeof(int32_t) > sizeof root.tb__DOT__biases[0])
            fail("more keys or summaries than the test bench has room for");
        for (size_t r = 0; r < rows; r++) {
            root.tb__DOT__attention__DOT__the_softmax__DOT__row_length[r] =
                static_cast<uint16_t>(lengths.at[r]);
            root.tb__DOT__attention__DOT__row_whole[r] = static_cast<uint8_t>(whole.at[r]);
            auto *bits = reinterpret_cast<uint8_t *>(
                &root.tb__DOT__attention__DOT__the_output_scratchpad__DOT__row_kept[r]);
            memset(bits, 0,
                   sizeof root.tb__DOT__attention__DOT__the_output_scratchpad__DOT__row_kept[r]);
            for (size_t k = 0; k < keys; k++)
                bits[k / 8] |= static_cast<uint8_t>(kept.at[r * keys + k] << k % 8);
            auto *biases = reinterpret_cast<char *>(&root.tb__DOT__biases[r]);
            for (size_t j = 0; j < g; j++) { // one that is left out is no score
                const int32_t b = bias.at[r * g + j] == INT32_MIN ? 0 : bias.at[r * g + j];
                memcpy(biases + 4 * j, &b, sizeof b);
            }
        }
        for (size_t i = 0; i < index.count; i++)
            root.tb__DOT__index[i] = static_cast<uint16_t>(index.at[i]);
    }

    // A float is mantissa / 2^exponent.
    void set_scale()
    {
        int e;
        const float scale = *tensor<float>(file, layer, "scale").at, m = frexpf(scale, &e);
        if (24 - e < 0 || 24 - e > 127)
            fail("a scale of " + std::to_string(scale));
        dut.mantissa = static_cast<uint32_t>(ldexpf(m, 24));
        dut.exponent = static_cast<uint8_t>(24 - e);
    }

    // Every difference from the highest score whose power is not 0, and some beyond.
    uint64_t try_powers()
    {
        const double scale = *tensor<float>(file, layer, "scale").at;
        const auto most = static_cast<uint32_t>(std::min(12.5 / scale, 4e6));
        uint64_t wrong = 0;
        for (uint32_t d = 0; d <= most; d++) {
            dut.try_difference = d;
            dut.eval();
            wrong +=
                dut.try_power != static_cast<uint64_t>(llround(ldexp(exp(-1.0 * d * scale), 16)));
        }
        if (wrong)
            printf("layer %d: %zu of %u powers differ\n", layer, (size_t)wrong, most + 1);
        return wrong;
    }

    // Results of the step whose store was the n-th to be over.
    void compare_store(result &r, size_t n)
    {
        const array<int32_t> out = tensor<int32_t>(file, layer, "out");
        const uint64_t dv = size(VALUE_DIM);
        for (size_t p = 0, stores = 0; p < phases.shape[0]; p++) {
            if (phase(p, SUMS) != 2 || !phase(p, LAST) || stores++ != n)
                continue;
            const auto &sums =
                dut.rootp
                    ->tb__DOT__attention__DOT__the_output_scratchpad__DOT__sums[phase(p, STEP) & 1];
            for (int64_t q = phase(p, QUERY_FIRST); q < phase(p, QUERY_END); q++)
                for (uint64_t c = 0; c < dv; c++, r.values++) {
                    const int32_t want = out.at[(phase(p, HEAD) * size(QUERIES) + q) * dv + c];
                    const auto have = static_cast<int32_t>(sums[q - phase(p, QUERY_FIRST)][c]);
                    if (have != want && r.wrong++ < 3)
                        printf("layer %d head %d query %d value %d: %d, wanted %d\n", layer,
                               (int)phase(p, HEAD), (int)q, (int)c, have, want);
                }
        }
    }

    void load(int which)
    {
        layer = which;
        sizes = tensor<int64_t>(file, layer, "sizes");
        phases = tensor<int64_t>(file, layer, "phases");
        loads = tensor<int64_t>(file, layer, "loads");
        ends = tensor<int64_t>(file, layer, "ends");
        fill_phases();
        fill_loads();
        fill_tokens(0, "q");
        fill_tokens(1, "k");
        fill_tokens(2, "v");
        fill_rows();
        set_scale();
        dut.phase_count = phases.shape[0];
        dut.load_count = loads.shape[0];
        dut.queries = size(QUERIES);
        dut.keys = size(KEYS);
        dut.summaries = size(SUMMARIES);
        dut.head_dim = size(HEAD_DIM);
        dut.value_dim = size(VALUE_DIM);
    }

    // Lines of each engine that have a visit, and whether softmax's first pass was at work in the
    // cycle before: `valid`, the highest of the 99 bits of a chunk_t.
    void print_cycle()
    {
        const auto &root = *dut.rootp;
        unsigned busy[2] = {0, 0};
        const auto
            &denser =
                root.tb__DOT__attention__DOT__g_engine__BRA__0__KET____DOT__the_engine__DOT__active,
            &sparser =
                root.tb__DOT__attention__DOT__g_engine__BRA__1__KET____DOT__the_engine__DOT__active;
        for (size_t l = 0; l < sizeof denser / sizeof denser[0]; l++) {
            busy[0] += denser[l];
            busy[1] += sparser[l];
        }
        printf("%u,%u,%u,%u,%d\n", dut.now, dut.phases_over, busy[0], busy[1],
               root.tb__DOT__attention__DOT__the_softmax__DOT__at_first[3] >> 2 & 1);
    }

    result run()
    {
        result r;
        unsigned stores = 0;
        dut.rst = 1;
        dut.running = 0;
        tick();
        tick();
        dut.rst = 0;
        dut.running = 1;
        const uint64_t most = 4 * size(CYCLES) + 10000;
        for (;;) {
            dut.clk = 0;
            dut.eval();
            while (r.ends.size() < dut.phases_over)
                r.ends.push_back(dut.now - 1);
            for (; stores < dut.stores_done; stores++)
                compare_store(r, stores);
            if (timeline)
                print_cycle();
            if (dut.done)
                break;
            if (dut.now > most)
                fail("layer " + std::to_string(layer) + ": phase " +
                     std::to_string(dut.phases_over) + " does not end");
            dut.clk = 1;
            dut.eval();
        }
        r.cycles = dut.now;
        if (r.ends.size() != phases.shape[0])
            fail("layer " + std::to_string(layer) + ": " + std::to_string(r.ends.size()) + " of " +
                 std::to_string(phases.shape[0]) + " phases ran");
        const size_t results = tensor<int32_t>(file, layer, "out").count;
        if (r.values != results)
            fail("layer " + std::to_string(layer) + ": " + std::to_string(r.values) + " of " +
                 std::to_string(results) + " results were stored");
        return r;
    }
};

int layer_count(const vc_tensor_file *file)
{
    int most = -1, layer;
    for (size_t i = 0; i < vc_tensor_file_count(file); i++)
        if (sscanf(vc_tensor_file_at(file, i)->name, "layer.%d.sizes", &layer) == 1)
            most = std::max(most, layer);
    return most + 1;
}

} // namespace

int main(int argc, char **argv)
{
    vc_tensor_file *file;
    uint64_t wrong = 0, apart = 0, values = 0, total[2] = {0, 0}, powers = 0;
    const std::string how = argc > 2 ? argv[2] : "";
    if (!(argc == 2 || (argc == 3 && how == "--phases") || (argc == 4 && how == "--timeline")))
        fail("usage: tb VECTORS [--phases | --timeline LAYER]");
    if (vc_safetensors_open(&file, argv[1]) != VC_OK)
        fail(vc_last_error());
    const bool each_phase = how == "--phases";
    bench b;
    b.file = file;
    if (how == "--timeline") {
        if (!tensor<int64_t>(file, atoi(argv[3]), "sizes").at)
            fail(std::string(argv[1]) + " has no layer " + argv[3]);
        b.timeline = true;
        printf("cycle,phases over,denser lines,sparser lines,softmax\n");
        b.load(atoi(argv[3]));
        b.run();
        return 0;
    }
    printf("| layer | head | RTL | simulator | difference |\n|---|---|---|---|---|\n");
    for (int layer = 0; layer < layer_count(file); layer++) {
        if (!tensor<int64_t>(file, layer, "sizes").at)
            continue;
        b.load(layer);
        powers += layer == 0 ? b.try_powers() : 0;
        const result r = b.run();
        for (size_t p = 0; p < r.ends.size(); p++) {
            const bool last = b.phase(p, SUMS) == 2 && b.phase(p, LAST) &&
                              b.phase(p, QUERY_END) == (int64_t)b.size(QUERIES);
            const int64_t off = (int64_t)r.ends[p] - b.ends.at[p];
            apart += off != 0;
            if (last || each_phase)
                printf("| %d | %d%s | %zu | %zu | %d |\n", layer, (int)b.phase(p, HEAD),
                       !each_phase             ? ""
                       : b.phase(p, SUMS) == 2 ? " SpMM"
                                               : " SDDMM",
                       (size_t)r.ends[p], (size_t)b.ends.at[p], (int)off);
        }
        printf("| %d | all | %zu | %zu | %d |\n", layer, (size_t)r.cycles, (size_t)b.size(CYCLES),
               (int)((int64_t)r.cycles - (int64_t)b.size(CYCLES)));
        apart += r.cycles != b.size(CYCLES);
        total[0] += r.cycles;
        total[1] += b.size(CYCLES);
        wrong += r.wrong;
        values += r.values;
    }
    printf("| all | | %zu | %zu | %d |\n\n", (size_t)total[0], (size_t)total[1],
           (int)((int64_t)total[0] - (int64_t)total[1]));
    printf("%zu results, %zu differ; %zu times of phases and layers differ\n", (size_t)values,
           (size_t)wrong, (size_t)apart);
    vc_tensor_file_close(file);
    return wrong || apart || powers;
}
