/* How pixels between pixels are made, where images are resized or turned. */
#ifndef VITCOD_INTERPOLATION_H
#define VITCOD_INTERPOLATION_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vc_interpolation {
    VC_BICUBIC,
    VC_BILINEAR,
    VC_EITHER /* of these, drawn each time */
} vc_interpolation;

#ifdef __cplusplus
}
#endif

#endif
