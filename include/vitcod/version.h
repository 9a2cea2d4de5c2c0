/* The one place of the version: the build, vitcod.pc, the man page and --version read it here. */
#ifndef VITCOD_VERSION_H
#define VITCOD_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define VC_VERSION "0.2.0"

#ifdef __cplusplus
}
#endif

#endif
