/* The instruction set for which kernels are chosen: the best one that this CPU has, limited by the
 * environment variable VC_ISA (ref, avx2 or avx512). */
#ifndef VITCOD_ISA_H
#define VITCOD_ISA_H

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vc_isa { VC_ISA_REF, VC_ISA_AVX2, VC_ISA_AVX512, VC_ISA_COUNT } vc_isa;

const char *vc_isa_name(vc_isa isa); /* "ref", "avx2", "avx512" */

/* The best instruction set of this CPU. */
vc_isa vc_isa_best(void);

/* The one in use. */
vc_isa vc_isa_get(void);

/* The name of the CPU as the system gives it; empty if it does not. Returns `text`. */
enum { VC_CPU_NAME = 256 };
const char *vc_cpu_name(char text[VC_CPU_NAME]);

/* 1 if bfloat16 products may be used: the CPU has AVX512_BF16 and VC_ISA allows AVX-512. */
int vc_cpu_has_bf16(void);

/* Checks VC_ISA: VC_EINVAL for an unknown name, VC_EUNSUPPORTED for one that the CPU lacks. Must be
 * called before anything asks for the instruction set in use. */
vc_status vc_isa_check(void);

#ifdef __cplusplus
}
#endif

#endif
