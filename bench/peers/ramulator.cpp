/* Runs Ramulator 2.1 as a library on a file of requests, for bench/dram_peers.py, which compiles it.
 *
 * usage: ramulator CONFIG REQUESTS WRITE_DATA
 *
 * A line of REQUESTS is `ADDRESS READ|WRITE CLOCK`: the request is sent at that clock or, where the
 * queue is full, at the first one that takes it; none overtakes another. WRITE_DATA: clocks from a
 * write's command, which is where Ramulator calls it done, to the end of its data. Printed: the
 * clock of the last data. */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ramulator/base/config.h"
#include "ramulator/base/factory.h"
#include "ramulator/base/request.h"
#include "ramulator/frontend/i_frontend.h"
#include "ramulator/memory_system/i_memory_system.h"

struct Line {
    unsigned long long address;
    char kind[8];
    long long clock;
};

int main(int argc, char **argv)
{
    std::FILE *file = argc == 4 ? std::fopen(argv[2], "r") : nullptr;
    if (!file) {
        std::fprintf(stderr, "usage: ramulator CONFIG REQUESTS WRITE_DATA\n");
        return 1;
    }
    const long long write_data = std::atoll(argv[3]);
    auto config = Ramulator::Config::parse_config_file(argv[1]);
    auto *frontend = Ramulator::Factory::create_frontend(config);
    auto *memory = Ramulator::Factory::create_memory_system(config);
    frontend->connect_memory_system(memory);
    memory->connect_frontend(frontend);

    Line next;
    long long clock = 0, last = 0, sent = 0, done = 0;
    const auto read_line = [&] {
        return std::fscanf(file, "%llx %7s %lld", &next.address, next.kind, &next.clock) == 3;
    };
    for (bool more = read_line(); more || done < sent; clock++) {
        while (more && next.clock <= clock) {
            const bool write = next.kind[0] == 'W';
            const auto end = [&, write](Ramulator::Request &) {
                done++;
                last = std::max(last, write ? clock + write_data : clock);
            };
            if (!frontend->receive_external_requests(write, next.address, 0, end, 64))
                break;
            sent++;
            more = read_line();
        }
        memory->tick();
    }
    if (!std::feof(file)) {
        std::fprintf(stderr, "%s: line %lld is not `ADDRESS READ|WRITE CLOCK`\n", argv[2], sent + 1);
        return 1;
    }
    std::printf("%lld\n", last);
}
