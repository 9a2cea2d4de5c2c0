/* Cycles of dense products on a chip whose memory never keeps it waiting, until the last result is
 * made.
 *
 * usage: bench_gemm CHIP M,N,K.. */
#include <inttypes.h>
#include <stdio.h>

#include "vitcod/accelerator.h"

static vc_status run(const vc_accelerator *a, uint64_t m, uint64_t n, uint64_t k)
{
    const vc_memory_config memory = {.model = VC_MEMORY_BANDWIDTH, .bytes_per_second = 1e18};
    const vc_chip_options o = {.config = &a->chip, .memory = &memory};
    const vc_op op = {.kind = VC_OP_HEAD,
                      .macs = m * n * k,
                      .weight_values = n * k,
                      .input_values = m * k,
                      .output_values = m * n,
                      .products = {{m, k, n}}};
    vc_workload w = {0};
    vc_chip_result r;
    VC_TRY(vc_workload_add(&w, &op));
    const vc_status status = vc_chip_simulate(&r, &w, NULL, &o);
    vc_workload_close(&w);
    VC_TRY(status);
    printf("%" PRIu64 "\n", r.total.cycles);
    vc_chip_result_close(&r);
    return VC_OK;
}

int main(int argc, char **argv)
{
    vc_accelerator a;
    vc_status status = argc > 2 ? vc_accelerator_open(&a, argv[1])
                                : vc_fail(VC_EINVAL, "usage: bench_gemm CHIP M,N,K..");
    a.chip.line_latency = 0;
    for (int i = 2; i < argc && status == VC_OK; i++) {
        uint64_t m, n, k;
        status = sscanf(argv[i], "%" SCNu64 ",%" SCNu64 ",%" SCNu64, &m, &n, &k) == 3
                     ? run(&a, m, n, k)
                     : vc_fail(VC_EINVAL, "'%s': wanted M,N,K", argv[i]);
    }
    if (status != VC_OK)
        fprintf(stderr, "bench_gemm: %s\n", vc_last_error());
    return status != VC_OK;
}
