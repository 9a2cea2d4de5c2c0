/* Reading accelerators of given kinds, so that tests can bring a kind of their own. */
#ifndef VC_ACCELERATOR_IMPL_H
#define VC_ACCELERATOR_IMPL_H

#include "chip_impl.h"
#include "vitcod/accelerator.h"

/* Like vc_accelerator_read, with a list of kinds that ends with NULL. */
vc_status vc__accelerator_read(vc_accelerator *out, const char *path,
                               const vc_chip_kind *const *kinds);

/* A built-in chip. It has the lines and the memory of ViTCoD, unless it is as published. */
vc_accelerator vc__accelerator_of(const vc_chip_kind *kind, const vc_chip_variant *variant);

#endif
