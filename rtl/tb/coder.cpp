// Random tokens through a coder against plain loops, one behind the other, and the cycles of each.
// Usage: coder MACS VALUES INPUTS, as it was built.
#include <verilated.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "Vcoder.h"

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const int macs = atoi(argv[1]), values = atoi(argv[2]), inputs = atoi(argv[3]), tokens = 100;
    const int want = (values * inputs + macs - 1) / macs; // D7
    VerilatedContext context;
    Vcoder dut{&context};
    std::mt19937 random(1);
    std::vector<int8_t> x(inputs * values), w(inputs);
    int wrong = 0, apart = 0;
    dut.rst = 1;
    dut.start = 0;
    const auto tick = [&] {
        dut.clk = 0;
        dut.eval();
        dut.clk = 1;
        dut.eval();
    };
    tick();
    dut.rst = 0;
    for (int token = 0; token < tokens; token++) {
        for (auto &v : x)
            v = static_cast<int8_t>(random() % 255 - 127);
        for (auto &v : w)
            v = static_cast<int8_t>(random() % 255 - 127);
        memcpy(static_cast<void *>(&dut.x), x.data(), x.size());
        memcpy(static_cast<void *>(&dut.weights), w.data(), w.size());
        dut.start = 1;
        int cycles = 0;
        do {
            tick();
            dut.start = 0;
            cycles++;
        } while (!dut.done && cycles < 10 * want);
        apart += cycles != want;
        for (int v = 0; v < values; v++) {
            int32_t sum = 0, have;
            for (int i = 0; i < inputs; i++)
                sum += x[i * values + v] * w[i];
            memcpy(&have, reinterpret_cast<const char *>(&dut.y) + 4 * v, sizeof have);
            wrong += have != sum;
        }
    }
    printf("%d MACs, %d values, %d heads: %d tokens of %d cycles, %d apart; %d sums differ\n", macs,
           values, inputs, tokens, want, apart, wrong);
    return wrong || apart;
}
