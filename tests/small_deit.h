/* The sizes of a DeiT that learns in no time: 8 x 8 pixels of one channel, 4 classes. */
#ifndef VC_TEST_SMALL_DEIT_H
#define VC_TEST_SMALL_DEIT_H

#include "../src/models/deit/deit.h"

/* Members of a vc__deit_config but for its depth; what follows counts more. */
#define SMALL_DEIT                                                                                 \
    .image = {8, 8}, .patch = {2, 2}, .channels = 1, .classes = 4, .width = 12, .heads = 3,        \
    .hidden = 24, .std = {0.3f}

#endif
