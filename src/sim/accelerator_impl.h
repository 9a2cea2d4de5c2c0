/* Accelerators of given kinds, for tests that bring one of their own. */
#ifndef VC_ACCELERATOR_IMPL_H
#define VC_ACCELERATOR_IMPL_H

#include "chip_impl.h"
#include "vitcod/accelerator.h"

/* Like vc_accelerator_read; `kinds` ends with NULL. */
vc_status vc__accelerator_read(vc_accelerator *out, const char *path,
                               const vc_chip_kind *const *kinds);

/* A chip that is built in, on ViTCoD's lines and memory unless it is as published. */
vc_accelerator vc__accelerator_of(const vc_chip_kind *kind, const vc_chip_variant *variant);

#endif
